"""
Every answer of the desk as it reads in Slack: docs/answers.md and the pictures of the pages, made from the running product.

`scenes` says who asks what; `stage` has the real desk answer it in the embedded Slack, and reads what is seen, and by whom.
`python -m tests.answers` writes the page, with `--pictures` the pictures too; tests/test_answers.py compares.
"""
