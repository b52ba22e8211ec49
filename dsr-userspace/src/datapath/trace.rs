//! Tells what becomes of single frames: a program that also does that, in the place of the one that runs nearly always,
//! and the log that it writes to.
//!
//! Both programs have the same maps, so nothing is carried over, and the one that runs nearly always has no instruction
//! of it.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use aya::{Ebpf, programs::Xdp};
use aya_log::EbpfLogger;
use dsr_common::{
    names,
    trace::{RECORD, TraceFilter, TraceRecord},
};
use log::{Log, Metadata, Record};

use dsr_sys::verify;

use super::{
    Datapath, Error,
    mapped::{self, Mapped},
};

/// The filter and the log.
pub(super) struct Tracer {
    filter: Mapped<TraceFilter>,
    log: EbpfLogger<Records>,
    records: Records,
    /// Whether the program runs that tells of frames.
    on: bool,
}

impl Tracer {
    /// Takes filter and log out of the object.
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, Error> {
        let filter = ebpf.map(names::TRACE_FILTER).ok_or(Error::Missing(names::TRACE_FILTER))?;
        let filter = Mapped::of(filter, names::TRACE_FILTER, 1)?;
        let records = Records::default();
        let log = EbpfLogger::init_with_logger(ebpf, records.clone())?;
        Ok(Self { filter, log, records, on: false })
    }

    fn set_filter(&mut self, filter: &TraceFilter) {
        for (index, word) in mapped::words(filter).into_iter().enumerate() {
            self.filter.store_word(0, index, word);
        }
    }

    fn read(&mut self) -> Vec<TraceRecord> {
        self.log.flush();
        std::mem::take(&mut self.records.lock())
    }
}

impl Datapath {
    /// Starts to tell of the frames that `filter` lets through, without a gap in which no program is attached.
    pub fn start_trace(&mut self, filter: &TraceFilter) -> Result<(), Error> {
        let tracer = self.tracer()?;
        tracer.set_filter(filter);
        // What was left of an earlier trace.
        drop(tracer.read());
        if !tracer.on {
            let program = self.xdp(names::TRACED_PROGRAM)?;
            verify::load(|| program.load())?;
            self.tracer()?.on = true;
            self.move_links()?;
        }
        Ok(())
    }

    /// Puts the program back that runs nearly always.
    pub fn stop_trace(&mut self) -> Result<(), Error> {
        let tracer = self.tracer()?;
        tracer.set_filter(&TraceFilter::default());
        if tracer.on {
            tracer.on = false;
            self.move_links()?;
            self.xdp(names::TRACED_PROGRAM)?.unload()?;
        }
        Ok(())
    }

    /// What was told since the last call, the oldest first.
    pub fn traced(&mut self) -> Vec<TraceRecord> {
        self.tracer.as_mut().map_or_else(Vec::new, Tracer::read)
    }

    /// The name of the program that is in force.
    pub(super) fn program_name(&self) -> &'static str {
        if self.tracer.as_ref().is_some_and(|tracer| tracer.on) { names::TRACED_PROGRAM } else { names::XDP_PROGRAM }
    }

    pub(super) fn xdp(&mut self, name: &'static str) -> Result<&mut Xdp, Error> {
        let ebpf = self.ebpf.as_mut().ok_or(Error::Missing(name))?;
        Ok(ebpf.program_mut(name).ok_or(Error::Missing(name))?.try_into()?)
    }

    /// Puts the program that is now in force in the place of the other one.
    fn move_links(&mut self) -> Result<(), Error> {
        let attached = std::mem::take(&mut self.attached);
        let all = attached.keys().cloned().collect();
        self.take_over(attached, &all)
    }

    fn tracer(&mut self) -> Result<&mut Tracer, Error> {
        self.tracer.as_mut().ok_or(Error::Missing(names::TRACED_PROGRAM))
    }
}

/// The records that came out of the log. Whoever writes an unreadable one is not our program; it is left out.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<TraceRecord>>>);

impl Records {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TraceRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Records {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut text = String::with_capacity(RECORD * 2);
        if write!(text, "{}", record.args()).is_ok()
            && let Some(bytes) = octets(&text)
        {
            self.lock().push(TraceRecord::from_octets(&bytes));
        }
    }

    fn flush(&self) {}
}

/// The bytes of a record from their hexadecimal digits.
fn octets(text: &str) -> Option<[u8; RECORD]> {
    let digits = text.as_bytes();
    if digits.len() != RECORD * 2 {
        return None;
    }
    let mut bytes = [0; RECORD];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_is_a_record() {
        let mut line = String::new();
        (0..RECORD).for_each(|number| write!(line, "{number:02x}").unwrap());
        let read = octets(&line).unwrap();
        assert!((0..).zip(read).all(|(number, byte): (u8, _)| number == byte));
        assert_eq!(octets(&line[2..]), None);
        assert_eq!(octets(&line.replace("3f", "xy")), None);
    }
}
