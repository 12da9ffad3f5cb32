"""Many real workers on one pool with queues and limits, judged by the recorded history."""
