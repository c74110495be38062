"""Sequence to sequence with attention: an encoder reads, a decoder writes and looks back (Sutskever, Bahdanau 2014).

    python examples/one_file/seq2seq.py

Reads dates as people write them ("the 3rd of March 1994", "7.12.03") and writes them as 1994-03-03. How an LSTM works is
in lstm.py; here torch's own is used.
"""

import datetime
import random
import string

import torch
import torch.nn.functional as F
from torch import nn

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
LETTERS = "_ '.,/" + string.digits + string.ascii_lowercase  # the first stands for padding
END = 0  # of what is written; also stands before its first character
DIGITS = "$0123456789-"  # what is written with; $ is the end


class Encoder(nn.Module):
    """Characters (B, S), padded with 0 -> what is to be remembered of each (B, S, 2 hidden), and where there is one."""

    def __init__(self, letters, hidden):
        super().__init__()
        self.table = nn.Embedding(letters, hidden, padding_idx=0)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)

    def forward(self, ids):
        lengths = (ids > 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(self.table(ids), lengths, batch_first=True, enforce_sorted=False)
        memory, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1])
        return memory, ids > 0


class Decoder(nn.Module):
    """Writes one character after another, looking at the memory at each (Luong 2015, "general"):

        a_t = softmax(h_t W_a m / sqrt(D))      how much each place of the memory m matters now
        y_t = tanh(W_c [h_t; a_t m])            the state, and what it looked at

    The logits of the next character are the products of y_t with the characters' own embeddings.
    """

    def __init__(self, characters, memory, hidden):
        super().__init__()
        self.table = nn.Embedding(characters, hidden)
        nn.init.normal_(self.table.weight, std=hidden**-0.5)
        self.begin = nn.Linear(2 * memory, 2 * hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.key = nn.Linear(memory, hidden, bias=False)
        self.join = nn.Linear(hidden + memory, hidden)
        self.bias = nn.Parameter(torch.zeros(characters))

    def start(self, memory, mask):
        """The state before the first character, from what stands at both ends of the memory."""
        last = mask.sum(1) - 1
        ends = torch.cat([memory[:, 0], memory[torch.arange(len(memory)), last]], 1)
        return tuple(part[None].contiguous() for part in self.begin(ends).tanh().chunk(2, 1))

    def forward(self, ids, state, memory, mask):
        """Characters (B, T) -> logits of those after them (B, T, V), the new state, and what was looked at (B, T, S)."""
        h, state = self.lstm(self.table(ids) * self.table.weight.shape[1] ** 0.5, state)
        scores = h @ self.key(memory).transpose(1, 2) / h.shape[-1] ** 0.5
        looked = scores.masked_fill(~mask[:, None], float("-inf")).softmax(-1)
        y = self.join(torch.cat([h, looked @ memory], -1)).tanh()
        return y @ self.table.weight.T + self.bias, state, looked


class Seq2Seq(nn.Module):
    def __init__(self, letters=42, characters=12, hidden=64):
        super().__init__()
        self.encoder, self.decoder = Encoder(letters, hidden), Decoder(characters, 2 * hidden, hidden)

    def forward(self, ids, target):
        """Logits (B, T, V) of every character of the target, each read after the true ones before it.

        That is teacher forcing: whatever the network would have written, it goes on from the truth. So all steps are
        computed at once, and one early mistake does not spoil the rest of the lesson.
        """
        memory, mask = self.encoder(ids)
        before = F.pad(target[:, :-1], (1, 0), value=END)
        return self.decoder(before, self.decoder.start(memory, mask), memory, mask)[0]

    @torch.no_grad()
    def write(self, ids, longest=12):
        """What it would write by itself, always the likeliest character: (B, T), and what it looked at (B, T, S)."""
        memory, mask = self.encoder(ids)
        state, last = self.decoder.start(memory, mask), torch.full((len(ids), 1), END)
        written, looked = [], []
        for _ in range(longest):
            logits, state, at = self.decoder(last, state, memory, mask)
            last = logits.argmax(-1)
            written.append(last)
            looked.append(at)
        return torch.cat(written, 1), torch.cat(looked, 1)


def said(date, draw):
    """A date as people write it."""
    day, month, year = str(date.day), MONTHS[date.month - 1], str(date.year)
    ending = "th" if 10 < date.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(date.day % 10, "th")
    forms = [
        f"{day} {month} {year}", f"{day} {month[:3]} {year}", f"the {day}{ending} of {month} {year}",
        f"{month} {day}, {year}", f"{month[:3]} {day}{ending} '{year[2:]}", f"{day}.{date.month}.{year}",
        f"{day}.{date.month}.{year[2:]}", f"{date.month:02}/{date.day:02}/{year[2:]}", f"{year}/{date.month}/{day}",
    ]  # fmt: skip
    return draw.choice(forms)


def encode(text, alphabet):
    return torch.tensor([alphabet.index(character) for character in text])


def pairs(dates, draw):
    """What is said (N, S), padded with 0, and what is to be written (N, 11), with its end."""
    ids = [encode(said(date, draw), LETTERS) for date in dates]
    target = [encode(date.isoformat() + DIGITS[END], DIGITS) for date in dates]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.stack(target)


def main(steps=400, hidden=64, batch=64, lr=4e-3, rows=8000, seed=0):
    """Train, and return the share of new dates that are written without a mistake."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    first = datetime.date(1950, 1, 1)
    days = draw.sample(range(36525), rows + 500)  # 1950 to 2049, so that two digits of a year say enough
    dates = [first + datetime.timedelta(day) for day in days]
    (ids, target), (test_ids, test_target) = pairs(dates[:rows], draw), pairs(dates[rows:], draw)
    model = Seq2Seq(hidden=hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; {rows:,} dates, 500 other days to be tested on")
    right = 0.0
    for step in range(1, steps + 1):
        chosen = torch.randint(len(ids), (batch,))
        loss = F.cross_entropy(model(ids[chosen], target[chosen]).flatten(0, 1), target[chosen].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps:
            written, looked = model.write(test_ids, target.shape[1])
            right = (written == test_target).all(1).float().mean().item()
            print(f"step {step:4}: loss {loss.item():.4f}; new dates without a mistake {right:.4f}")
    for row in range(5):
        text = "".join(LETTERS[i] for i in test_ids[row] if i)
        result = "".join(DIGITS[i] for i in written[row]).split(DIGITS[END])[0]
        at = "".join(LETTERS[test_ids[row, place]] for place in looked[row].argmax(1))[: len(result)]
        print(f"{text:30} -> {result}   looking most at: {at}")
    return right


if __name__ == "__main__":
    main()
