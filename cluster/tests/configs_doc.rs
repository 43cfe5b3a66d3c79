//! `docs/CONFIGS.md` is what the tables say.
//!
//! `AIRIS_UPDATE=1 cargo test -p airis-cluster --test configs_doc` writes it anew.

use airis_cluster::config::markdown;

#[test]
fn the_page_of_configs_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGS.md");
    let text = markdown();
    if std::env::var_os("AIRIS_UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))
            .expect("a folder for documents");
        std::fs::write(path, &text).expect("the page can be written");
    }
    let page = std::fs::read_to_string(path).expect("docs/CONFIGS.md is there");
    assert!(
        page == text,
        "docs/CONFIGS.md is stale; AIRIS_UPDATE=1 renews it"
    );
}
