//! What happened in a run, as a running hash, and on demand as lines; and how a run ends that has gone wrong.
//!
//! Always holds: two runs with the same hash have had the same events at the same times.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tokio::time::Instant;

struct Trace {
    began: Option<Instant>,
    hash: u64,
    events: u64,
    acked: u64,
    faults: u64,
    verbose: bool,
    file: Option<BufWriter<File>>,
    replay: String,
}

thread_local! {
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

pub fn begin(verbose: bool, file: Option<&Path>, replay: String) {
    let file =
        file.map(|path| BufWriter::new(File::create(path).expect("the trace can be written")));
    TRACE.set(Some(Trace {
        began: None,
        hash: 0xcbf2_9ce4_8422_2325,
        events: 0,
        acked: 0,
        faults: 0,
        verbose,
        file,
        replay,
    }));
    let ours = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        ours(info);
        fail(format_args!("panic: {info}"));
    }));
}

fn with<T>(f: impl FnOnce(&mut Trace) -> T) -> T {
    TRACE.with_borrow_mut(|trace| f(trace.as_mut().expect("a run has begun")))
}

impl Trace {
    fn now(&mut self) -> u64 {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        (now - began).as_micros() as u64
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Bytes have arrived.
pub fn arrived(from: u32, to: u32, bytes: &[u8]) {
    with(|t| {
        let now = t.now();
        t.events += 1;
        t.mix(&now.to_le_bytes());
        t.mix(&[from as u8, to as u8]);
        t.mix(bytes);
        let hash = t.hash;
        if let Some(file) = &mut t.file {
            let head = bytes.get(..12).unwrap_or(bytes);
            let _ = writeln!(
                file,
                "{now} {from}->{to} {} {head:02x?} {hash:x}",
                bytes.len()
            );
        }
    });
}

/// Something else has happened, in words.
pub fn note(what: impl Display) {
    with(|t| {
        let now = t.now();
        let line = what.to_string();
        t.events += 1;
        t.mix(&now.to_le_bytes());
        t.mix(line.as_bytes());
        if t.verbose {
            eprintln!("{:>10.3} {line}", now as f64 / 1e6);
        }
        if let Some(file) = &mut t.file {
            let _ = writeln!(file, "{now} {line}");
        }
    });
}

pub fn fault(what: impl Display) {
    with(|t| t.faults += 1);
    note(format_args!("* {what}"));
}

pub fn acked() {
    with(|t| t.acked += 1);
}

pub fn summary() -> String {
    with(|t| {
        format!(
            "trace {:016x}, {} events, {} faults, {} acked",
            t.hash, t.events, t.faults, t.acked
        )
    })
}

/// Something that must never be: the run ends here.
pub fn fail(what: impl Display) -> ! {
    TRACE.with(|trace| {
        // A panic may come from within.
        if let Ok(mut trace) = trace.try_borrow_mut()
            && let Some(t) = trace.as_mut()
        {
            let now = t.now();
            let out = format!(
                "VIOLATION after {:.3} virtual s: {what}\nREPLAY {}",
                now as f64 / 1e6,
                t.replay
            );
            println!("{out}");
            if let Some(file) = &mut t.file {
                let _ = writeln!(file, "{out}");
                let _ = file.flush();
            }
        } else {
            println!("VIOLATION: {what}");
        }
    });
    let _ = std::io::stdout().flush();
    std::process::exit(1)
}
