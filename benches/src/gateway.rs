//! The gateway under load: requests per second and latency of a route that needs no payment.
//!
//! The unpaid figure is the measure for every paid one of the same run.

use anyhow::Result;
use benches::load::{self, Load};
use benches::report::{Report, machine_load};

use crate::Setting;

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 200_000;
const REQUESTS_QUICK: usize = 2_000;

/// Prints the figures of the unpaid route.
pub(crate) fn run(setting: &Setting) -> Result<()> {
    let requests = if setting.quick { REQUESTS_QUICK } else { REQUESTS };
    let report = Report::new("gateway");
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let plan = Load::new(CONNECTIONS, vec![load::get(&setting.site, "/")?; requests]);
    let result = load::run(&plan)?;
    result.expect_only(http::StatusCode::OK)?;
    report.load("unpaid_get", &result)?;
    report.value("machine", "load_after", machine_load()?, "processes")
}
