"""What every law and every likelihood must hold to: ours in the tests, and users' own.

A check is a function of a :class:`~bayescale.checking.subject.Subject`. It returns when all is
well, raises :class:`~bayescale.checking.running.Failed` with what is wrong and what to do, or
:class:`~bayescale.checking.running.Skipped` where it does not apply.
"""
