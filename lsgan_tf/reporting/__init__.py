"""Reports on runs: a page of HTML, a listing."""
