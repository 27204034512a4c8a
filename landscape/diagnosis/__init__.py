"""Will meta-learning pay on these tasks?

Data flows in this order:

    diagnose         the question, with its arguments checked
    stacked          losses of many tasks as stacked arrays
    held_out         losses on tasks that took no part in training
    intervals        how sure they are;  geography  which tasks are hard, and where they lie
    verdict          the answer in words
    prognosis        what is handed back: tables, words, pages;  plots, report  its pictures and its page
"""
