//! Rate of work that a whole process did: by the clock, and by the processor time of all its threads.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use benches::process::cpu_us;
use benches::report::float;

use super::raw::Rate;

/// Shorter work cannot be told from the steps in which Linux counts processor time.
const CPU_US_MIN: u64 = 50_000;

const SETTLE_STEP: Duration = Duration::from_millis(100);
const SETTLE_STEPS: u32 = 50;

/// Taken before the work.
pub(crate) struct Meter {
    started: Instant,
    cpu_us: u64,
}

impl Meter {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { started: Instant::now(), cpu_us: cpu_us()? })
    }

    /// The rate of `count` things that were done since.
    pub(crate) fn rate(&self, count: usize) -> Result<Rate> {
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let cpu_us = cpu_us()?.saturating_sub(self.cpu_us);
        ensure!(cpu_us >= CPU_US_MIN, "{cpu_us} microseconds of work are too few to measure");
        let count = float(count as u64);
        Ok(Rate { per_cpu_s: count * 1e6 / float(cpu_us), per_s: count / elapsed_s })
    }
}

/// Waits until what was started goes on no more: a journal that prepares its files, for one. Gives up
/// after some seconds, because only the figures suffer.
pub(crate) fn settle() -> Result<()> {
    for _ in 0..SETTLE_STEPS {
        let before = cpu_us()?;
        std::thread::sleep(SETTLE_STEP);
        if cpu_us()? == before {
            break;
        }
    }
    Ok(())
}

/// Processors of this machine.
pub(crate) fn cores() -> Result<f64> {
    Ok(float(std::thread::available_parallelism()?.get() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_no_cost() {
        let meter = Meter::start().unwrap();
        assert!(meter.rate(1).is_err());
        while cpu_us().unwrap() - meter.cpu_us < 2 * CPU_US_MIN {}
        let rate = meter.rate(1_000).unwrap();
        assert!(rate.per_cpu_s <= 5_000.0 && rate.per_cpu_s > 0.0, "{rate:?}");
        settle().unwrap();
        assert!(cores().unwrap() >= 1.0);
    }
}
