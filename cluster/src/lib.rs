//! Every decision of the cluster, as pure state machines: no runtime, no files, no clock.
