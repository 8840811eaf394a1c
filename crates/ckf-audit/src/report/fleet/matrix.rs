//! Verdicts by control and cluster.

use std::collections::BTreeMap;

use super::model::Fleet;
use crate::controls::Verdict;
use crate::report::model::ControlReport;

/// A row for each control that any cluster has, in the order of the first that has it.
pub(super) struct Matrix<'a> {
    pub(super) rows: Vec<Row<'a>>,
}

/// A control, with its verdict in each cluster.
pub(super) struct Row<'a> {
    /// Of a cluster in which it fails, if it fails in any.
    pub(super) control: &'a ControlReport,
    /// In the order of the fleet; `None` where the cluster was not audited or lacks the control.
    pub(super) cells: Vec<Option<Verdict>>,
}

impl Row<'_> {
    /// Number of clusters in which the control fails.
    pub(super) fn fails(&self) -> usize {
        self.cells.iter().filter(|cell| **cell == Some(Verdict::Fail)).count()
    }

    /// In the order of the clusters that were audited; `None` where one lacks the control.
    pub(super) fn audited<'b>(
        &'b self,
        fleet: &'b Fleet,
    ) -> impl Iterator<Item = Option<Verdict>> + 'b {
        let cells = self.cells.iter().zip(&fleet.clusters);
        cells.filter(|(_, one)| one.report.is_some()).map(|(cell, _)| *cell)
    }

    /// Whether the control has a verdict other than these in any cluster.
    fn has_other_than(&self, verdicts: &[Verdict]) -> bool {
        self.cells.iter().flatten().any(|verdict| !verdicts.contains(verdict))
    }
}

impl<'a> Matrix<'a> {
    pub(super) fn of(fleet: &'a Fleet) -> Self {
        let mut rows: Vec<Row<'a>> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, member) in fleet.clusters.iter().enumerate() {
            for control in member.report.iter().flat_map(|report| &report.controls) {
                let place = *places.entry(control.id.as_str()).or_insert_with(|| {
                    rows.push(Row { control, cells: vec![None; fleet.clusters.len()] });
                    rows.len() - 1
                });
                let row = &mut rows[place];
                row.cells[at] = Some(control.verdict);
                if control.verdict == Verdict::Fail && row.control.verdict != Verdict::Fail {
                    row.control = control;
                }
            }
        }
        Self { rows }
    }

    /// Controls that fail somewhere: the most severe first, then those that fail most often.
    pub(super) fn failing(&self) -> Vec<&Row<'a>> {
        let mut rows: Vec<&Row<'a>> = self.rows.iter().filter(|row| row.fails() > 0).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.control.severity, row.fails())));
        rows
    }

    /// Controls that fail nowhere, and do not pass everywhere either.
    pub(super) fn others(&self) -> Vec<&Row<'a>> {
        let passes = [Verdict::Pass, Verdict::NotApplicable];
        let rows = self.rows.iter();
        rows.filter(|row| row.fails() == 0 && row.has_other_than(&passes)).collect()
    }
}
