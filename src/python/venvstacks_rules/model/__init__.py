"""The domain of layered environments: functions take and return values and do no I/O."""
