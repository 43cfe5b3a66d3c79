//! Where the nodes live: a network namespace and an ext4 image for each, within namespaces of the suite's own.
//!
//! Always holds: nothing made here outlives the suite's process, however it ends (mounts and links go with the namespaces, holders of
//! namespaces with their pipe), but for the files under its directory. Must never: touch a link, a rule or a mount of the machine.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::ioctl::{Setter, ioctl};

/// Set in the process that runs within namespaces of its own.
const INSIDE: &str = "AIRIS_FAULTS_INSIDE";
/// Enough for what a round writes, and small enough to fill.
const IMAGE_BYTES: u64 = 512 << 20;
/// ext4's, xfs's and f2fs's FS_IOC_SHUTDOWN: the file system is dead from then on, with what it has not written yet.
const FS_IOC_SHUTDOWN: u32 = 0x8004_587d;
/// Not even the journal is written: the medium is as a loss of power leaves it.
const NO_LOG_FLUSH: u32 = 2;

pub fn run<S: AsRef<OsStr>>(command: &[S]) -> Result<String> {
    let what = || {
        command
            .iter()
            .map(|s| s.as_ref().to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let done = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .with_context(what)?;
    ensure!(
        done.status.success(),
        "{}: {}",
        what(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

macro_rules! sh {
    ($($arg:tt)*) => { run(&format!($($arg)*).split_whitespace().collect::<Vec<_>>()) };
}

/// What the machine lets the suite do.
#[derive(Clone, Copy, Debug)]
pub struct Able {
    pub net: bool,
    pub disk: bool,
}

/// Goes on in namespaces of its own where that is permitted: does not come back then. Called before there is a second thread.
pub fn enter() -> Result<Able> {
    if std::env::var_os(INSIDE).is_some() {
        let net = sh!("nft list ruleset").is_ok() && sh!("ip link show").is_ok();
        let disk = sh!("losetup -f").is_ok() && sh!("mkfs.ext4 -V").is_ok();
        return Ok(Able { net, disk });
    }
    let own = ["--net", "--mount", "--propagation", "private"];
    let permitted = Command::new("unshare")
        .args(own)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if permitted.is_ok_and(|s| s.success()) {
        let me = std::env::current_exe()?;
        let failed = Command::new("unshare")
            .args(own)
            .arg("--")
            .arg(me)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .exec();
        bail!("unshare: {failed}");
    }
    Ok(Able {
        net: false,
        disk: false,
    })
}

/// One node's surroundings.
struct Site {
    /// Holds the network namespace open, as long as its pipe is.
    holder: Option<Child>,
    address: String,
    broker_port: u16,
    controller_port: u16,
    /// What log.dirs is in.
    disk: PathBuf,
}

pub struct Place {
    pub able: Able,
    pub dir: PathBuf,
    sites: Vec<Site>,
}

fn image(dir: &Path, node: usize) -> PathBuf {
    dir.join(format!("disk{node}.img"))
}

/// A port that nothing listens on.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

impl Place {
    pub fn new(able: Able, dir: &Path, nodes: usize) -> Result<Place> {
        let mut place = Place {
            able,
            dir: dir.to_owned(),
            sites: Vec::new(),
        };
        if able.net {
            sh!("ip link set lo up")?;
            let _ = sh!("ip link del br0");
            sh!("ip link add br0 type bridge")?;
            sh!("ip addr add 10.77.0.254/24 dev br0")?;
            sh!("ip link set br0 up")?;
        }
        for i in 0..nodes {
            let disk = dir.join(format!("node{i}"));
            std::fs::create_dir(&disk)?;
            if able.disk {
                std::fs::File::create(image(dir, i))?.set_len(IMAGE_BYTES)?;
                run(&[
                    OsStr::new("mkfs.ext4"),
                    "-q".as_ref(),
                    "-F".as_ref(),
                    "-m".as_ref(),
                    "0".as_ref(),
                    image(dir, i).as_os_str(),
                ])?;
            }
            let site = if able.net {
                let holder = Command::new("unshare")
                    .args(["--net", "cat"])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .spawn()?;
                let site = Site {
                    holder: Some(holder),
                    address: format!("10.77.0.{}", i + 1),
                    broker_port: 9092,
                    controller_port: 9093,
                    disk,
                };
                let ours = std::fs::read_link("/proc/self/ns/net")?;
                let pid = site.holder.as_ref().expect("just started").id();
                for _ in 0..100 {
                    if std::fs::read_link(format!("/proc/{pid}/ns/net"))
                        .is_ok_and(|theirs| theirs != ours)
                    {
                        break;
                    }
                    sleep(Duration::from_millis(20));
                }
                let _ = sh!("ip link del v{i}");
                sh!("ip link add v{i} type veth peer name eth0 netns {pid}")?;
                sh!("ip link set v{i} master br0 up")?;
                site
            } else {
                Site {
                    holder: None,
                    address: "127.0.0.1".into(),
                    broker_port: free_port()?,
                    controller_port: free_port()?,
                    disk,
                }
            };
            place.sites.push(site);
            if able.net {
                place.inside(i, &format!("ip addr add 10.77.0.{}/24 dev eth0", i + 1))?;
                place.inside(i, "ip link set eth0 up")?;
                place.inside(i, "ip link set lo up")?;
            }
            if able.disk {
                place.mount(i)?;
            }
        }
        Ok(place)
    }

    pub fn address(&self, node: usize) -> &str {
        &self.sites[node].address
    }

    pub fn broker(&self, node: usize) -> String {
        format!(
            "{}:{}",
            self.sites[node].address, self.sites[node].broker_port
        )
    }

    pub fn controller(&self, node: usize) -> String {
        format!(
            "{}:{}",
            self.sites[node].address, self.sites[node].controller_port
        )
    }

    pub fn data(&self, node: usize) -> PathBuf {
        self.sites[node].disk.join("data")
    }

    /// The words that start a program where this node lives; it is killed when the suite's process ends.
    pub fn launcher(&self, node: usize) -> Vec<String> {
        let mut words: Vec<String> = ["setpriv", "--pdeathsig", "KILL"].map(String::from).into();
        if let Some(holder) = &self.sites[node].holder {
            // Not `ip netns exec`: that has a mount namespace of its own, which would keep a dead file system in use.
            words.extend([
                "nsenter".into(),
                format!("--net=/proc/{}/ns/net", holder.id()),
            ]);
        }
        words
    }

    fn inside(&self, node: usize, command: &str) -> Result<String> {
        let mut words = self.launcher(node);
        words.extend(command.split_whitespace().map(String::from));
        run(&words)
    }

    /// Sets what a node's packets meet: rules of nft for what comes in and what goes out. None: the network is whole.
    pub fn rules(&self, node: usize, input: &[String], output: &[String]) -> Result<()> {
        let mut text = "flush ruleset\n".to_owned();
        for (name, rules) in [("input", input), ("output", output)] {
            if !rules.is_empty() {
                let rules = rules.join("\n");
                text += &format!(
                    "table ip f_{name} {{\nchain c {{\ntype filter hook {name} priority 0;\n{rules}\n}}\n}}\n"
                );
            }
        }
        let mut words = self.launcher(node);
        words.extend(["nft", "-f", "-"].map(String::from));
        let mut nft = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .spawn()?;
        nft.stdin
            .take()
            .expect("piped")
            .write_all(text.as_bytes())?;
        ensure!(nft.wait()?.success(), "nft refuses\n{text}");
        Ok(())
    }

    /// Limits what reaches a node to so many kilobits a second; 0: no limit.
    pub fn slow_link(&self, node: usize, kbits: u32) -> Result<()> {
        if kbits == 0 {
            sh!("tc qdisc del dev v{node} root")?;
        } else {
            sh!("tc qdisc replace dev v{node} root tbf rate {kbits}kbit burst 16kb latency 400ms")?;
        }
        Ok(())
    }

    pub fn mount(&self, node: usize) -> Result<()> {
        let (image, at) = (image(&self.dir, node), &self.sites[node].disk);
        run(&[
            OsStr::new("mount"),
            "-o".as_ref(),
            "loop".as_ref(),
            image.as_os_str(),
            at.as_os_str(),
        ])?;
        Ok(())
    }

    /// Waits until nothing of an ended process holds it any more.
    pub fn unmount(&self, node: usize) -> Result<()> {
        let mut last = Ok(String::new());
        for _ in 0..50 {
            last = run(&[OsStr::new("umount"), self.sites[node].disk.as_os_str()]);
            if last.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        last.map(drop)
    }

    /// Everything that a node's disk was not told to keep is lost, and nothing reaches it any more: EIO for all that comes.
    pub fn cut_power(&self, node: usize) -> Result<()> {
        let root = std::fs::File::open(&self.sites[node].disk)?;
        // SAFETY: the number is FS_IOC_SHUTDOWN, which reads a u32.
        let shutdown = unsafe { Setter::<FS_IOC_SHUTDOWN, u32>::new(NO_LOG_FLUSH) };
        // SAFETY: as above.
        unsafe { ioctl(&root, shutdown) }.context("FS_IOC_SHUTDOWN")?;
        Ok(())
    }

    /// The file system turns read-only under the running node, as it does on an error of the medium.
    pub fn read_only(&self, node: usize) -> Result<()> {
        let at = self.sites[node].disk.as_os_str();
        run(&[
            OsStr::new("mount"),
            "-i".as_ref(),
            "-o".as_ref(),
            "remount,abort".as_ref(),
            at,
        ])?;
        Ok(())
    }

    fn ballast(&self, node: usize) -> PathBuf {
        self.sites[node].disk.join("ballast")
    }

    /// Takes all room that is left.
    pub fn fill(&self, node: usize) -> Result<()> {
        let file = std::fs::File::create(self.ballast(node))?;
        let mut have = 0;
        let mut more = IMAGE_BYTES;
        while more >= 1024 {
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), have, more) {
                Ok(()) => have += more,
                Err(_) => more /= 2,
            }
        }
        Ok(())
    }

    pub fn free(&self, node: usize) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast(node))?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for i in 0..self.sites.len() {
            if self.able.disk {
                let _ = self.unmount(i);
            }
            if let Some(mut holder) = self.sites[i].holder.take() {
                drop(holder.stdin.take());
                let _ = holder.wait();
            }
        }
    }
}
