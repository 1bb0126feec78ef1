"""Cases of a client program: each is a function that asserts; each prints one JSON line."""
import json
import sys
import traceback

_cases = []


def case(name):
    def register(function):
        _cases.append((name, function))
        return function
    return register


def report(name, error=None):
    line = {"case": name, "ok": error is None}
    if error is not None:
        line["error"] = error
    sys.__stdout__.write(json.dumps(line) + "\n")
    sys.__stdout__.flush()


def run():
    for name, function in _cases:
        try:
            function()
            report(name)
        except BaseException:
            report(name, traceback.format_exc()[-1500:])


async def run_async():
    for name, function in _cases:
        try:
            await function()
            report(name)
        except BaseException:
            report(name, traceback.format_exc()[-1500:])
