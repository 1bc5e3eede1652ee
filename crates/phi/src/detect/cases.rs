//! Cases of all detectors.
