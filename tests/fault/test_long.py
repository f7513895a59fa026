"""The long run (long.py) as a part of tests/run: HADIR_MINUTES=60 tests/run fault. HADIR_SEED is the first round's seed, HADIR_STATE
the file whose totals it goes on with; without HADIR_MINUTES it is skipped. Rounds are small: the last one begins before the minutes are over."""
import os, sys

if __name__ == "__main__":
    minutes = os.environ.get("HADIR_MINUTES")
    if not minutes:
        print("SKIP long: HADIR_MINUTES asks for it\n0 passed, 0 failed, 1 skipped")
        raise SystemExit(0)
    import long
    sys.argv[1:] = ["--minutes", minutes, "--faults", "10", "--rate", "1000"] + [w for option in ("seed", "state") if (v := os.environ.get(f"HADIR_{option.upper()}"))
                                             for w in (f"--{option}", v)]
    long.main()  # raises when the oracle is not content
    print("1 passed, 0 failed")
