"""EventBridge Scheduler, whose clock can be moved."""
