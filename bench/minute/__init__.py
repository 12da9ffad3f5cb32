"""Thousands of schedules that are due in the same minute."""
