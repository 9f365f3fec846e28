//! Makes the log public: a checkpoint each second or so, cosigned by the witnesses, and epochs.
//!
//! Invariants: payments never wait for it; without enough witnesses a checkpoint is published all the
//! same, and the report says so; a witness that has seen what this log does not have halts it. Each
//! change of what goes wrong is told once.

use std::sync::Arc;
use std::time::Duration;

use api::{LogFailure, LogReport, WitnessReport};
use engine::{Engine, Log, LogError};
use tlog::policy::Policy;
use tlog::{Note, NoteSignature};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use witness::client::{Alarm, Client, Options, Outcome, Round, Status, UrlError};

/// Witnesses are asked about the same checkpoint again when enough have not cosigned it.
const ASK_AGAIN_SECONDS: u64 = 30;
/// A cosignature that is older than this is renewed, so that a quiet log is seen to be watched.
const RENEW_SECONDS: u64 = 10 * 60;

/// Publishes one log.
#[derive(Debug)]
pub(crate) struct Publisher {
    engine: Engine,
    log: Log,
    policy: Arc<Policy>,
    witnesses: Client,
    report: Arc<watch::Sender<LogReport>>,
    asked: Option<Instant>,
}

/// An attempt failed.
enum Fault {
    Log(LogError),
    Witness(&'static str, String),
}

impl From<LogError> for Fault {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl Fault {
    fn tell(self) -> LogFailure {
        match self {
            Self::Log(error) => LogFailure { code: error.code(), detail: error.to_string() },
            Self::Witness(code, detail) => LogFailure { code, detail },
        }
    }
}

impl Publisher {
    /// For the log of an engine. A log that has published nothing yet publishes what it has now, so
    /// that whoever comes finds a checkpoint. With witnesses their first round comes before: they may
    /// know more of the log than its folder does.
    pub(crate) async fn new(
        engine: &Engine,
        log: &Log,
        policy: Arc<Policy>,
    ) -> Result<Self, UrlError> {
        let report = Arc::new(watch::Sender::new(LogReport::default()));
        let witnesses = Client::new(&policy, Options::default())?;
        let (engine, log) = (engine.clone(), log.clone());
        let mut publisher = Self { engine, log, policy, witnesses, report, asked: None };
        let is_new = publisher.log.checkpoint().is_none() && publisher.log.halted().is_none();
        if is_new && publisher.witnesses.count() == 0 {
            let published = publisher.prepare_and_publish().await;
            publisher.learn(published);
        }
        Ok(publisher)
    }

    /// How it goes.
    pub(crate) fn report(&self) -> watch::Receiver<LogReport> {
        self.report.subscribe()
    }

    /// Publishes until `stop`.
    pub(crate) async fn run(mut self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let publishing = async {
            loop {
                ticks.tick().await;
                if self.is_due() {
                    let published = self.prepare_and_publish().await;
                    self.learn(published);
                }
            }
        };
        tokio::select! {
            () = publishing => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Closes an epoch now and after each pause in which something happened, until `stop`.
    pub(crate) fn epochs(
        &self,
        every: Duration,
        mut stop: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + use<> {
        let epochs = Epochs {
            engine: self.engine.clone(),
            log: self.log.clone(),
            report: Arc::clone(&self.report),
        };
        async move {
            let closing = async {
                loop {
                    epochs.close().await;
                    sleep(every).await;
                }
            };
            tokio::select! {
                () = closing => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    fn is_due(&self) -> bool {
        if self.log.halted().is_some() {
            return false;
        }
        let Some((head, note)) = self.log.checkpoint() else { return true };
        if head != self.log.head() {
            return true;
        }
        let is_enough = self.policy.judge(&note).is_ok();
        let pause = if is_enough { RENEW_SECONDS } else { ASK_AGAIN_SECONDS };
        let asked = self.asked;
        let is_late = asked.is_none_or(|asked| asked.elapsed() >= Duration::from_secs(pause));
        self.witnesses.count() > 0 && is_late
    }

    async fn prepare_and_publish(&mut self) -> Result<(), Fault> {
        let log = self.log.clone();
        let (head, note) = blocking(move || log.prepare()).await?;
        let mut cosignatures = Vec::new();
        if self.witnesses.count() > 0 {
            self.asked = Some(Instant::now());
            cosignatures = self.ask(&note).await?;
        }
        let log = self.log.clone();
        let published = blocking(move || {
            log.publish(head, &note, &cosignatures)?;
            Ok(log.checkpoint())
        });
        let is_enough = published.await?.is_some_and(|(_, note)| self.policy.judge(&note).is_ok());
        let now = self.engine.clock().now_ms();
        self.report.send_modify(|report| {
            report.published_at_ms = Some(now);
            report.checkpoints += 1;
            report.without_quorum += u64::from(!is_enough);
        });
        Ok(())
    }

    /// One round of the witnesses.
    async fn ask(&mut self, note: &Note) -> Result<Vec<NoteSignature>, Fault> {
        let log = self.log.clone();
        let prove = |old, new| {
            let log = log.clone();
            blocking(move || log.prove_consistency(old, new))
        };
        let round = self.witnesses.collect(note, prove).await;
        let round = round.map_err(|why| Fault::Witness(why.code(), why.to_string()))?;
        self.report.send_modify(|report| tell_witnesses(report, &round));
        if let Some(why) = halting(&round) {
            self.log.halt(why.clone());
            return Err(LogError::Halted(why).into());
        }
        Ok(round.signatures)
    }

    fn learn(&self, attempt: Result<(), Fault>) {
        let failure = attempt.err().map(Fault::tell);
        learn(&self.report, failure, |report| &mut report.failure, "no checkpoint was published");
    }
}

/// Closes epochs.
struct Epochs {
    engine: Engine,
    log: Log,
    report: Arc<watch::Sender<LogReport>>,
}

impl Epochs {
    async fn close(&self) {
        let size = self.log.head().size;
        // The record itself is the last leaf if nothing came after it.
        let is_covered = self.log.epoch().is_some_and(|newest| newest.leaf + 1 == size);
        if size == 0 || is_covered || self.log.halted().is_some() {
            return;
        }
        let failure = self.engine.close_epoch().await.err().map(|why| Fault::Log(why).tell());
        learn(&self.report, failure, |report| &mut report.epoch_failure, "no epoch was closed");
    }
}

/// What a witness said that must end the signing. A witness that is ahead is believed, because to go
/// on would be the worse mistake; one that merely finds the growth unproven has to show something.
fn halting(round: &Round) -> Option<String> {
    let mut alarms = round.alarms();
    let (status, alarm) = alarms.find(|(status, alarm)| {
        status.proof.is_some() || matches!(alarm, Alarm::WitnessAhead { .. })
    })?;
    let shown = if status.proof.is_some() { ", and shows what this log signed" } else { "" };
    Some(format!("witness {}: {alarm}{shown}", status.name))
}

/// Keeps what went wrong, and tells operators when that changes.
fn learn(
    report: &watch::Sender<LogReport>,
    failure: Option<LogFailure>,
    place: impl Fn(&mut LogReport) -> &mut Option<LogFailure>,
    what: &str,
) {
    report.send_modify(|report| {
        report.failures += u64::from(failure.is_some());
        let known = place(report);
        match (&failure, &known) {
            (Some(new), known) if known.as_ref().map(|known| known.code) != Some(new.code) => {
                tracing::warn!(code = new.code, detail = %new.detail, "{what}");
            }
            (None, Some(_)) => tracing::info!("the log is published again"),
            _ => {}
        }
        *known = failure;
    });
}

fn tell_witnesses(report: &mut LogReport, round: &Round) {
    let known = std::mem::take(&mut report.witnesses);
    let mut known = known.into_iter();
    for status in &round.witnesses {
        let before = known.next();
        let now = match before.clone() {
            // Why it is left alone was told when it failed.
            Some(before) if status.outcome == Outcome::Paused => before,
            _ => witness_report(status),
        };
        if before.map(|before| before.state) != Some(now.state) {
            if matches!(status.outcome, Outcome::Cosigned { .. }) {
                tracing::info!(witness = %now.name, "it cosigns");
            } else {
                tracing::warn!(witness = %now.name, detail = %now.detail, "no cosignature");
            }
        }
        report.witnesses.push(now);
    }
}

fn witness_report(status: &Status) -> WitnessReport {
    WitnessReport {
        name: status.name.clone(),
        state: status.outcome.code(),
        detail: status.outcome.to_string(),
        cosigned_size: status.cosigned_size,
        cosigned_at_s: status.cosigned_time,
        alarm: status.alarm.map(Alarm::code),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| LogError::Stopped("the work was cut off".to_owned()))?
}
