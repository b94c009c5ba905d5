"""What a report computes: frames of scores, ranks, tests and cases, without markup and without drawings."""
