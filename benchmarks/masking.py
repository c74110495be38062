"""How well personal data is found in a bilingual set made with Faker, beside what only looks like it, and how fast.

`python benchmarks/masking.py [--count 400] [--seed 0]`: precision and recall a kind, and megabytes a second on texts of
which one line in 20, in 4, or every one holds something.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable

from faker import Faker

from modelwright.columns import Masker
from modelwright.columns._masking import PLACEHOLDER

ENGLISH = (
    "{}", "Contact: {}", "Please reach me at {}.", "I wrote {} on the form, as asked.", '"{}"', "({})", "old, {}; new",
    "He gave us {} and left.", "see {}\tthanks", "name=Ann;value={};", "Is {} still right?", "<td>{}</td>",
)  # fmt: skip
CHINESE = (
    "{}", "请联系{}，谢谢", "我的是{}。", "信息：{}", "客户留下了{}就走了", "（{}）", "张三{}李四", "请记下{}这个", "“{}”", "填写：{}；",
)  # fmt: skip
Make = Callable[[], str]


def wide(text: str) -> str:
    """Digits, letters and signs in full width."""
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def makers(seed: int) -> tuple[list[tuple[str, Make]], list[Make]]:
    """What makes a value of each kind, and what makes values of none."""
    draw = random.Random(seed)
    english, british, chinese, german, french, italian = (
        Faker(name) for name in ("en_US", "en_GB", "zh_CN", "de_DE", "fr_FR", "it_IT")
    )
    for number, one in enumerate((english, british, chinese, german, french, italian)):
        one.seed_instance(seed + number)

    def digits(count: int, first: str = "123456789") -> str:
        return draw.choice(first) + "".join(draw.choices("0123456789", k=count - 1))

    def spaced(text: str, size: int = 4, sign: str = " ") -> str:
        return sign.join(text[i : i + size] for i in range(0, len(text), size))

    def mobile() -> str:
        return draw.choice(("13", "15", "17", "18", "19")) + digits(9, "0123456789")

    def landline() -> str:
        area = draw.choice(("010", "021", "0755", "0571", "028", "0312"))
        number = digits(8 if len(area) == 3 else draw.choice((7, 8)), "23456789")
        return draw.choice(
            (f"{area}-{number}", f"({area}){number}", f"{area}{number}", f"{area}-{number}转{digits(3)}")
        )

    def card() -> str:
        found = english.credit_card_number()
        return spaced(found) if len(found) == 16 and draw.random() < 0.4 else found

    def wrong_card() -> str:
        return (found := english.credit_card_number("visa16"))[:-1] + str((int(found[-1]) + 1) % 10)

    def wrong_id() -> str:
        return (found := chinese.ssn())[:-1] + str((int(found[-1].replace("X", "0")) + 1) % 10)

    def order() -> str:
        words = (
            "order ",
            "Order #",
            "order no. ",
            "invoice ",
            "tracking number: ",
            "ref ",
            "订单号",
            "运单号：",
            "流水号",
            "编号",
        )
        return draw.choice(words) + digits(draw.choice((8, 10, 11, 12, 16)))

    personal = [
        ("email", english.email), ("email", chinese.email), ("email", british.company_email),
        ("email", lambda: english.email().replace("@", "+news@")), ("email", lambda: wide(chinese.free_email())),
        ("phone", english.phone_number), ("phone", british.phone_number), ("phone", british.cellphone_number),
        ("phone", german.phone_number), ("phone", french.phone_number), ("phone", italian.phone_number),
        ("phone", chinese.phone_number), ("phone", mobile), ("phone", landline), ("phone", lambda: wide(mobile())),
        ("phone", lambda: "+86 " + mobile()), ("phone", lambda: (m := mobile())[:3] + "-" + spaced(m[3:], sign="-")),
        ("card", card), ("card", card), ("iban", british.iban), ("iban", lambda: spaced(german.iban())), ("iban", french.iban),
        ("ip", english.ipv4), ("ip", english.ipv6), ("cn_id", chinese.ssn), ("cn_id", lambda: wide(chinese.ssn())),
        ("us_ssn", english.ssn),
    ]  # fmt: skip
    others = [
        order, order, order, english.isbn13, english.isbn10, lambda: english.isbn13(separator=""), wrong_card, wrong_id,
        lambda: "ISBN " + english.isbn10(separator=""), lambda: str(english.date_between()),
        lambda: english.date_time().strftime("%d.%m.%Y %H:%M"), lambda: english.date_time().strftime("%m/%d/%Y %I:%M:%S %p"),
        lambda: english.date_time().strftime("%Y-%m-%dT%H:%M:%S"), lambda: english.date_time().strftime("%Y%m%d%H%M%S"),
        lambda: chinese.date_time().strftime("%Y年%m月%d日"), lambda: "version " + english.ipv4(), lambda: "v" + english.ipv4(),
        lambda: f"{draw.randint(1, 20)}.{draw.randint(0, 9)}.{draw.randint(0, 999)}", lambda: f"10.0.{digits(5)}.{digits(4)}",
        lambda: f"${draw.uniform(1, 1e7):,.2f}", lambda: f"{draw.uniform(1, 1e7):.2f}元", lambda: f"{draw.randint(1000, 10**9):,}",
        lambda: "1Z999AA1" + digits(10), lambda: "SF" + digits(13), lambda: digits(12), lambda: "EA" + digits(9) + "CN",
        english.md5, english.sha1, english.uuid4, english.mac_address, lambda: english.hostname() + ":8080",
        lambda: f"{english.latitude()}, {english.longitude()}", lambda: f"({draw.uniform(-90, 90):.6f},{draw.uniform(-180, 180):.6f})",
        lambda: "1" + digits(9, "567"), lambda: english.ean13(), lambda: "img_" + digits(8) + "_" + digits(6) + ".jpg",
        lambda: "@" + english.user_name(), lambda: english.user_name() + "@localhost", lambda: "icon@2x.png",
        lambda: english.time() + " " + english.time(), lambda: f"{draw.randint(1900, 2030)}-{draw.randint(1900, 2030)}",
        lambda: f"{draw.random():.12f}", lambda: digits(6), lambda: digits(7), lambda: digits(22), chinese.license_plate,
    ]  # fmt: skip
    return personal, others


def examples(seed: int, count: int) -> list[tuple[str, str]]:
    """(text, how it must read when masked), `count` of each maker, in both languages."""
    draw, found = random.Random(seed), []
    personal, others = makers(seed)
    for kind, make in [*personal, *(("", make) for make in others)]:
        for number in range(count):
            frame, value = draw.choice(CHINESE if number % 2 else ENGLISH), make()
            found.append((frame.format(value), frame.format(f"<{kind.upper()}>" if kind else value)))
    return found


def measure(pairs: list[tuple[str, str]]) -> tuple[dict[str, tuple[float, float, int]], list[tuple[str, str]]]:
    """kind -> precision, recall and how many there are; and the texts that were masked wrongly, as they then read."""
    masker, right, there, said, wrong = Masker(), Counter[str](), Counter[str](), Counter[str](), []
    for text, wanted in pairs:
        masked = masker(text)
        truth = [found[1] for found in PLACEHOLDER.finditer(wanted)]
        there.update(truth)
        said.update(found[1] for found in PLACEHOLDER.finditer(masked))
        if masked == wanted:
            right.update(truth)
        else:
            wrong.append((text, masked))
    scores = {
        kind: (right[kind] / max(said[kind], 1), right[kind] / there[kind], there[kind]) for kind in sorted(there)
    }
    total = sum(right.values())
    return scores | {"ALL": (total / sum(said.values()), total / sum(there.values()), sum(there.values()))}, wrong


def throughput(pairs: list[tuple[str, str]], every: int, size: int) -> float:
    """MB/s on a text of lines of which one in `every` is an example."""
    english, chinese = Faker("en_US"), Faker("zh_CN")
    english.seed_instance(0)
    chinese.seed_instance(0)
    clean = [f"{one.sentence(16)}" for one in (english, chinese) for _ in range(200)]
    draw, lines, length = random.Random(0), list[str](), 0
    while length < size:
        lines.append(draw.choice(pairs)[0] if len(lines) % every == 0 else draw.choice(clean))
        length += len(lines[-1].encode()) + 1
    text, masker = "\n".join(lines), Masker()
    began = time.perf_counter()
    masker(text)
    return length / 1e6 / (time.perf_counter() - began)


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wrong", type=int, default=0, help="texts masked wrongly to show")
    given = parser.parse_args()
    pairs = examples(given.seed, given.count)
    scores, wrong = measure(pairs)
    print(f"{len(pairs):,} texts")
    for kind, (precision, recall, count) in scores.items():
        print(f"{kind:8} precision {precision:.4f}  recall {recall:.4f}  of {count:,}")
    for text, masked in random.Random(0).sample(wrong, min(given.wrong, len(wrong))):
        print(f"  {text!r} -> {masked!r}")
    for every in (20, 4, 1):
        print(f"{throughput(pairs, every, 5_000_000):.1f} MB/s where one line in {every} is of the set")


if __name__ == "__main__":
    main()
