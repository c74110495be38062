"""What personal data look like: one recogniser a form, with its checksum where it has one. Knows no masking.

Numbers are bounded by look-arounds for digits and Latin letters, never by word boundaries: a Chinese character may
stand directly beside a telephone number.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

_D = "0-9０-９"
_SEVEN = rf"(?:[^{_D}A-Za-z\n]{{0,3}}[{_D}]){{6}}"
_DOTTED = rf"[{_D}]{{0,2}}(?:[.．][{_D}]{{1,3}}){{3}}"
# without a match of this a line holds nothing; it begins with a set of signs, which Python looks for ten times as fast
WORTH = re.compile(rf"[@＠:{_D}](?:(?<=[@＠])|(?<=:)[0-9A-Fa-f]{{0,4}}:|(?<=[{_D}])(?:{_SEVEN}|{_DOTTED}))")
WORTH_FOR_ARROW = rf"[@＠]|:[0-9A-Fa-f]{{0,4}}:|[{_D}](?:{_SEVEN}|{_DOTTED})"  # the same; it knows no look-around
_WIDE = re.compile("[\uff01-\uff5e\u3000\u00a0\u2010-\u2015\u2212]")
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 32, 0xA0: 32, 0x2212: 45}
_NARROW |= dict.fromkeys(range(0x2010, 0x2016), 45)
# where something may begin
_START = re.compile(
    r"(?<![A-Za-z0-9_])(?<![0-9][-.])(?:(?=[0-9+(])|(?=[A-Z]{2}[0-9]{2})|(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:])"
    r"|(?=[A-Za-z0-9_%+'-][A-Za-z0-9._%+'-]{0,63}@))"
)
_END = r"(?![0-9A-Za-z_]|[-.][0-9])"
# what the words before a number say: it is to be called, or it counts something; between stand `_BETWEEN`
_WORD = re.compile(r"[a-z]+|[\u4e00-\u9fff]+|[#§№]|[0-9]", re.IGNORECASE)
_words = re.compile(r"\S+").findall
_BETWEEN = frozenset(_words("no number num nr is was at on to me us him her"))
_CALLED = frozenset(
    _words("phone telephone tel telefon telefono mobile mob cell cellphone handy fax call calling whatsapp sms dial")
)
_CALLED_IN_CHINESE = ("电话", "手机", "手机号", "座机", "固话", "传真", "热线", "联系方式", "致电", "拨打", "电话号")
_COUNTED = frozenset(_words(
    "order invoice track tracking parcel shipment shipping waybill isbn issn ean upc gtin sku serial ref reference case "
    "ticket transaction txn batch lot model part item article product build version ver v release firmware section sec "
    "chapter clause account acct confirmation booking id key code hash checksum § # №"
))  # fmt: skip
_COUNTED_IN_CHINESE = ("单", "单号", "快递", "物流", "编号", "流水", "流水号", "发票", "发票号", "批号", "批次", "序列", "序列号",
                       "货号", "条码", "条形", "版本", "版本号", "固件", "书号", "合同号", "账号", "订单编")  # fmt: skip
_NO_DOMAINS = {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "py", "html", "json", "pdf"}
_IBAN_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})([0-9]{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
        "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
        "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 "
        "SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}
REACH = 24  # signs before a number that are looked at
Check = Callable[[re.Match[str], str], int]
"""A match and the text before it -> where the value ends, 0 where it is none."""


def narrow(text: str) -> str:
    """Full-width signs, wide blanks and the many hyphens as ASCII, character for character."""
    return text.translate(_NARROW) if _WIDE.search(text) else text


def find(text: str, about: str = "") -> Iterator[tuple[str, int, int]]:
    """(kind, begin, end) of all that is recognised in a narrow line, from left to right; about: what the line is."""
    place = 0
    while start := _START.search(text, place):
        begin = start.start()
        before = text[max(begin - REACH, 0) : begin]
        kind, end = _at(text, begin, f"{about}: {before}" if about and begin < REACH else before)
        if kind:
            yield kind, begin, end
        place = max(end, begin + 1)


def _at(text: str, begin: int, before: str) -> tuple[str, int]:
    for kind, pattern, check in RECOGNISERS:
        if (found := pattern.match(text, begin)) and (end := check(found, before)):
            return kind, end
    return "", begin


def _whole(found: re.Match[str], before: str) -> int:
    return found.end()


def _is_email(found: re.Match[str], before: str) -> int:
    return 0 if found[1].lower() in _NO_DOMAINS else found.end()


def _is_ipv4(found: re.Match[str], before: str) -> int:
    return 0 if any(int(part) > 255 for part in found[0].split(".")) or _is_counted(before) else found.end()


def _is_ipv6(found: re.Match[str], before: str) -> int:
    text = found[0].removesuffix(":") if not found[0].endswith("::") else found[0]
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return 0
    return found.start() + len(text) if len(text) > 6 else 0


def _is_chinese_id(found: re.Match[str], before: str) -> int:
    """GB 11643: the digits by weights 2^(17 - i) mod 11, and the check character, add up to 1 mod 11."""
    digits = [10 if sign in "Xx" else int(sign) for sign in found[0]]
    return found.end() if sum(digit * pow(2, 17 - i, 11) for i, digit in enumerate(digits)) % 11 == 1 else 0


def _is_iban(found: re.Match[str], before: str) -> int:
    """ISO 13616: as many signs as the country has, and 1 mod 97."""
    wanted = _IBAN_LENGTHS.get(found[0][:2], 0)
    places = [place for place, sign in enumerate(found[0]) if sign.isalnum()][:wanted]
    text = "".join(found[0][place] for place in places)
    if not wanted or len(text) < wanted or int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 != 1:
        return 0
    end = found.start() + places[-1] + 1
    return 0 if found.string[end : end + 1].isascii() and found.string[end : end + 1].isalnum() else end


_ISSUED = re.compile(  # Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, Maestro: first digits and lengths
    r"4[0-9]{12}(?:[0-9]{3}){0,2}|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35[0-9]{14}"
    r"|(?:2131|1800)[0-9]{11}|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}(?:[0-9]{3})?|62[0-9]{14,17}|(?:5[06-8]|6[37])[0-9]{10,17}"
)


def _is_card(found: re.Match[str], before: str) -> int:
    """Luhn: every second digit from the right doubled, the sum of all digits is 0 mod 10; and first digits in use."""
    digits = [int(sign) for sign in found[0] if sign.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    wrong = total % 10 or not _ISSUED.fullmatch("".join(map(str, digits))) or _is_counted(before)
    return 0 if wrong else found.end()


def _is_phone(found: re.Match[str], before: str) -> int:
    return 0 if _is_counted(before) else found.end()


def _is_called_number(found: re.Match[str], before: str) -> int:
    return found.end() if _is_among(before, _CALLED, _CALLED_IN_CHINESE) else 0


def _is_counted(before: str) -> bool:
    return _is_among(before, _COUNTED, _COUNTED_IN_CHINESE)


def _is_among(before: str, words: frozenset[str], in_chinese: tuple[str, ...]) -> bool:
    """Whether the last word before a number, but for those between, is one of these."""
    for word in reversed(_WORD.findall(before)):
        if word.lower() not in _BETWEEN:
            return word.lower() in words or word.rstrip("码为是").endswith(in_chinese)
    return False


_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension|转|#|-) ?[0-9]{1,6})?"
# kind, form, check; in this order, the first that fits; without a kind: what is none, whatever else it looks like
RECOGNISERS: list[tuple[str, re.Pattern[str], Check]] = [
    (kind, re.compile(form), check)
    for kind, form, check in (
        ("email", r"[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+([A-Za-z]{2,24})"
         r"(?![A-Za-z0-9])", _is_email),
        ("", r"(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2[0-9]{2,4})(?![-/.]?[0-9])", _whole),
        ("", r"97[89](?:[- ][0-9]+){3}[- ][0-9]" + _END, _whole),  # ISBN
        ("ip", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|[-.][0-9])", _is_ipv4),
        ("ip", r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]+(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z_]|\.[0-9])", _is_ipv6),
        ("cn_id", r"[1-8][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z_])",
         _is_chinese_id),
        ("", r"[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]{4}[0-9Xx]" + _END, _whole),  # misspelt: no card
        ("iban", r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}", _is_iban),
        ("card", r"[0-9]{4}(?:[0-9]{8,15}|([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{3})?)" + _END, _is_card),
        ("card", r"3[0-9]{3}([ -])[0-9]{6}\1[0-9]{4,5}" + _END, _is_card),
        ("us_ssn", r"(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}" + _END, _is_phone),
        # China, North America, service numbers, a country's code, a zero in front (Europe, China)
        ("phone", r"(?:(?:(?:\+|00)?86[ -]?)?1[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})"
         r"|(?:(?:\+|00)?1[ .-]?)?(?:\([2-9][0-9]{2}\)[ .-]?[2-9][0-9]{2}[ .-][0-9]{4}|[2-9][0-9]{2}(?:[2-9][0-9]{6}"
         r"|[ .-][2-9][0-9]{2}[ .-][0-9]{4}))"
         r"|[48]00(?:[0-9]{7}|-[0-9]{3}-[0-9]{4}|-[0-9]{4}-[0-9]{3})"
         r"|\+[1-9](?:[ .()/-]{0,2}[0-9]){7,14}|00[1-9][0-9]{0,2}[ .()/-](?:[ .()/-]{0,2}[0-9]){6,12}"
         r"|(?:\(0[0-9]{1,5}\)|0[1-9])(?:[ ./()-]{0,2}[0-9]){5,10})" + _EXTENSION + _END, _is_phone),
        ("phone", r"\(?[0-9](?:[ ./()-]{0,2}[0-9]){6,12}" + _EXTENSION + _END, _is_called_number),
    )
]  # fmt: skip
