"""Chats as text and tokens: a jinja template writes the turns, and what the assistant said is what is learned.

Knows nothing of files or models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer

from ..errors import DataError, MissingExtra

TEMPLATE = (  # ChatML, each turn ended by the token that ends a text
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def render(
    turns: Sequence[Mapping[str, str]], template: str, special: Mapping[str, str | list[str]], answer: bool = False
) -> str:
    """The text of some turns, with `answer` up to where the assistant goes on. Raises DataError when the template
    refuses them."""
    try:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise MissingExtra("jinja2", "chat") from None

    def refuse(message: str) -> None:
        raise TemplateError(message)

    template = re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", template)  # transformers' own marks of what is learned
    world = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    tokens = {f"{name}_token": value if isinstance(value, str) else value[0] for name, value in special.items()}
    values: dict[str, Any] = {**tokens, "raise_exception": refuse}
    try:
        return world.from_string(template).render(messages=turns, add_generation_prompt=answer, **values)
    except (TemplateError, TypeError) as error:
        raise DataError(f"the chat template refuses the chat ({error}).", where="chat template") from None


def encode(
    turns: Sequence[Mapping[str, str]], tokenizer: Tokenizer, template: str, special: Mapping[str, str | list[str]]
) -> tuple[list[int], list[bool]]:
    """The ids of a chat, and which of them the assistant says, the end of its turns included.

    Raises DataError when the template hides what the assistant said.
    """
    text = render(turns, template, special)
    ends = special.get("eos", [])
    spans: list[tuple[int, int]] = []
    for number, turn in enumerate(turns):
        if turn["role"] == "assistant":
            before, said = render(turns[:number], template, special, answer=True), turn["content"].strip()
            start = len(before) if text.startswith(before) else spans[-1][1] if spans else 0
            found = text.find(said, start)
            if found < 0:
                raise DataError(f"the chat template leaves out what the assistant said: {said[:40]!r}.", where="data")
            stop = found + len(said)
            tail = next((end for end in ([ends] if isinstance(ends, str) else ends) if text.startswith(end, stop)), "")
            spans.append((start if text.startswith(before) else found, stop + len(tail)))
    encoded = tokenizer.encode(text, add_special_tokens=False)
    learned = [any(start <= place < stop for start, stop in spans) for place, _ in encoded.offsets]
    return encoded.ids, learned
