//! Claims that were published, and what was measured of them: the ledger in `claims/ledger.toml`, results
//! of studies, and the page that is made from both. Nothing here reads a file but [`StudyResult::read`].

mod evidence;
mod explanation;
mod ledger;
mod page;
mod results;
mod rules;
mod verdict;
mod words;

pub use evidence::{Arm, Evidence, Probes};
pub use ledger::{Claim, Counted, Judge, Ledger, LedgerError, Part, Published, StudyFile, Test};
pub use page::page;
pub use results::{Evaluation, MatchedParameters, SCHEMA, Status, StudyResult};
pub use rules::{Finding, Section, find};
pub use verdict::{Sign, Verdict, all_above, sign};
pub use words::Table;

#[cfg(test)]
mod tests;
