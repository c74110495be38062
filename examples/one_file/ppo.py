"""Proximal policy optimisation (Schulman 2017): learn to balance a pole by trying, from nothing but a reward.

    python examples/one_file/ppo.py

The world is CartPole (Barto, Sutton & Anderson 1983) with the constants of gymnasium's CartPole-v1, written out below for many
carts at once. Each step that the pole stands gives 1; after 500 steps an episode is over.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class CartPoles:
    """`count` carts: place, speed, angle, turning speed. Two actions: a push of 10 N to the left or to the right."""

    def __init__(self, count, limit=500):
        self.limit = limit
        self.state, self.steps = self._begin(count), torch.zeros(count)

    def _begin(self, count):
        return torch.rand(count, 4, dtype=torch.float64) * 0.1 - 0.05

    def step(self, actions):
        """actions (N,) -> (did it fall, was the time up), each (N,). Those over begin anew; `last` is what they ended in."""
        _, speed, angle, turning = self.state.T
        cart, pole, length, pull = 1.0, 0.1, 0.5, 9.8  # kg, kg, half of the pole in m, m / s^2
        force = torch.where(actions == 1, 10.0, -10.0)
        swing = (force + pole * length * turning**2 * angle.sin()) / (cart + pole)
        toppling = (pull * angle.sin() - angle.cos() * swing) / (
            length * (4 / 3 - pole * angle.cos() ** 2 / (cart + pole))
        )
        acceleration = swing - pole * length * toppling * angle.cos() / (cart + pole)
        slopes = torch.stack([speed, acceleration, turning, toppling], 1)
        self.state = self.state + 0.02 * slopes  # s (Euler)
        self.steps += 1
        fell = (self.state[:, 0].abs() > 2.4) | (self.state[:, 2].abs() > 12 * math.pi / 180)
        over = ~fell & (self.steps >= self.limit)
        self.last, self.lengths = self.state, self.steps[fell | over]
        self.state = torch.where((fell | over)[:, None], self._begin(len(fell)), self.state)
        self.steps = self.steps * ~(fell | over)
        return fell, over


class Policy(nn.Module):
    """Two networks: the actor says how likely each action should be, the critic what is still to be won from here."""

    def __init__(self, sees=4, actions=2, hidden=64):
        super().__init__()
        self.actor, self.critic = (
            nn.Sequential(nn.Linear(sees, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()) for _ in range(2)
        )
        self.logits, self.value = nn.Linear(hidden, actions), nn.Linear(hidden, 1)
        with torch.no_grad():
            self.logits.weight *= 0.01  # begins by trying everything alike

    def forward(self, seen):
        """(N, sees) -> log probabilities (N, actions) and values (N,)."""
        return self.logits(self.actor(seen)).log_softmax(-1), self.value(self.critic(seen))[:, 0]


def advantages(rewards, values, after, fell, over, discount=0.99, smooth=0.95):
    """How much better each action turned out than the critic had thought, (T, N) (Schulman 2016).

    delta_t = r_t + discount * V(s_(t+1)) - V(s_t)              one step's surprise
    A_t     = delta_t + discount * smooth * A_(t+1)             and of those after it, fading

    Nothing comes after a fall. Where only the time was up, the pole would have gone on standing: V(s_(t+1)) still counts,
    but the surprises of the next episode do not. `after` (T, N) are the values of the states that each step led to.
    """
    found, later = torch.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + discount * after[t] * ~fell[t] - values[t]
        later = delta + discount * smooth * later * ~(fell[t] | over[t])
        found[t] = later
    return found


def losses(log_probabilities, values, actions, old, advantage, returns, clip=0.2):
    """The three terms of PPO. `old` (N,): the log probability of each action when it was taken.

    Actions that turned out well should become likelier, but the data are of the old policy: once the ratio of new and old
    has left 1 +- clip in the direction it was pushed, nothing is to be gained by going further, and the gradient is 0.
    """
    ratio = (log_probabilities.gather(1, actions[:, None])[:, 0] - old).exp()
    policy = -torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
    value = F.mse_loss(values, returns)
    entropy = -(log_probabilities.exp() * log_probabilities).sum(1).mean()  # of the actions: kept up a little
    return policy, value, entropy


@torch.no_grad()
def collect(policy, carts, steps):
    """Let the policy act: what it saw, did and got, each (T, N), and the lengths of the episodes that ended."""
    rows, lengths = [], []
    for _ in range(steps):
        seen = carts.state.float()
        log_probabilities, value = policy(seen)
        action = torch.multinomial(log_probabilities.exp(), 1)
        fell, over = carts.step(action[:, 0])
        after = policy(carts.last.float())[1]
        rows.append((seen, action[:, 0], log_probabilities.gather(1, action)[:, 0], value, after, fell, over))
        lengths += carts.lengths.tolist()
    return [torch.stack(column) for column in zip(*rows)], lengths


@torch.no_grad()
def play(policy, episodes, limit=500):
    """The mean length of so many new episodes, always doing what is likeliest."""
    carts = CartPoles(episodes, limit)
    standing, total = torch.ones(episodes, dtype=torch.bool), torch.zeros(episodes)
    for _ in range(limit):
        fell, _ = carts.step(policy(carts.state.float())[0].argmax(1))
        total += standing
        standing &= ~fell
    return total.mean().item()


def main(rounds=40, carts=32, steps=64, epochs=6, batch=256, lr=2e-3, episodes=100, seed=0):
    """Learn, and return the mean length of new episodes, at most 500."""
    torch.manual_seed(seed)
    policy, world = Policy(), CartPoles(carts)
    optimizer = torch.optim.Adam(policy.parameters(), lr=lr, eps=1e-5)
    print(f"{sum(p.numel() for p in policy.parameters()):,} parameters; untrained: {play(policy, episodes):.1f} steps")
    for number in range(1, rounds + 1):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - (number - 1) / rounds)
        (seen, action, old, value, after, fell, over), lengths = collect(policy, world, steps)
        advantage = advantages(torch.ones_like(value), value, after, fell, over)
        data = [x.flatten(0, 1) for x in (seen, action, old, advantage, advantage + value)]
        for _ in range(epochs):
            for rows in torch.randperm(carts * steps).split(batch):
                s, a, o, adv, returns = (x[rows] for x in data)
                adv = (adv - adv.mean()) / (adv.std() + 1e-8)
                policy_loss, value_loss, entropy = losses(*policy(s), a, o, adv, returns)
                loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
                optimizer.step()
        if number % 5 == 0 or number == rounds:
            shown = f"{sum(lengths) / len(lengths):.1f}" if lengths else "none ended"
            print(f"round {number:3}, {number * carts * steps:7,} steps: episodes while learning {shown}")
    reached = play(policy, episodes)
    print(f"{episodes} new episodes, doing what is likeliest: {reached:.1f} steps of 500")
    return reached


if __name__ == "__main__":
    main()
