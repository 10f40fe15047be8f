"""What tests assert of printed lines: the numbers, names and commands in them, never their wording."""


def line_with(text: str, *facts: object) -> str:
    """The only line of a text that contains all of these facts; fails when there is none, or several."""
    wanted = [f"{fact:,}" if isinstance(fact, int) else str(fact) for fact in facts]
    lines = [line for line in text.splitlines() if all(fact in line for fact in wanted)]
    assert len(lines) == 1, f"{len(lines)} lines contain {wanted}:\n{text}"
    return lines[0]


def no_line_with(text: str, *facts: object) -> bool:
    """Whether no line of a text contains each of these facts."""
    return not any(all(str(fact) in line for fact in facts) for line in text.splitlines())
