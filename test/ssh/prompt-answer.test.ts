import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PromptAnswer } from '../../src/ssh/prompt-answer.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function scene() {
  const state = { sent: 0, forerunners: 0, answers: 0 };
  const prompt = new PromptAnswer({
    sent: () => state.sent,
    forerunners: () => state.forerunners,
    answer: () => {
      state.answers += 1;
      state.sent += 1;
    },
  });
  return { state, prompt };
}

describe('what is small and came last', () => {
  test('is answered after 2 ms, once', () => {
    const { state, prompt } = scene();
    prompt.heard(52);
    vi.advanceTimersByTime(1);
    expect(state.answers).toBe(0);
    vi.advanceTimersByTime(1);
    expect(state.answers).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(state.answers).toBe(1);
  });

  test('is not, where something was sent after it', () => {
    const { state, prompt } = scene();
    prompt.heard(52);
    state.sent += 1;
    vi.advanceTimersByTime(1_000);
    expect(state.answers).toBe(0);
  });

  test('is after 2 ms of its own, where something was sent only before it', () => {
    const { state, prompt } = scene();
    prompt.heard(52);
    state.sent += 1;
    vi.advanceTimersByTime(1);
    prompt.heard(52);
    vi.advanceTimersByTime(1);
    expect(state.answers).toBe(0);
    vi.advanceTimersByTime(1);
    expect(state.answers).toBe(1);
  });

  test('is not, in the middle of a conversation, whenever it is looked at', () => {
    const { state, prompt } = scene();
    for (let ms = 0; ms < 100; ms += 1) {
      prompt.heard(52);
      vi.advanceTimersByTime(1);
      state.sent += 1;
    }
    expect(state.answers).toBe(0);
  });

  test('is after up to 8 ms in the middle of a conversation, and after 2 ms again once that has paused', () => {
    const { state, prompt } = scene();
    const waitForAnswer = (): number => {
      const before = state.answers;
      let ms = 0;
      prompt.heard(52);
      for (; state.answers === before; ms += 1) vi.advanceTimersByTime(1);
      return ms;
    };
    for (let ms = 0; ms < 100; ms += 1) {
      prompt.heard(52);
      vi.advanceTimersByTime(1);
      state.sent += 1;
    }
    const inConversation = waitForAnswer();
    expect(inConversation).toBeGreaterThan(2);
    expect(inConversation).toBeLessThanOrEqual(8);
    vi.advanceTimersByTime(20);
    expect(waitForAnswer()).toBe(2);
  });

  test('is after 2 ms, where more came that nobody answered either', () => {
    const { state, prompt } = scene();
    prompt.heard(52);
    vi.advanceTimersByTime(1);
    prompt.heard(52);
    vi.advanceTimersByTime(1);
    expect(state.answers).toBe(1);
  });

  test('is not, where it fills a segment or what does came after it', () => {
    const { state, prompt } = scene();
    prompt.heard(1_448);
    prompt.heard(52);
    prompt.heard(32_000);
    vi.advanceTimersByTime(1_000);
    expect(state.answers).toBe(0);
  });

  test('is answered once in 10 ms, however much of it comes', () => {
    const { state, prompt } = scene();
    for (let ms = 0; ms < 100; ms += 1) {
      prompt.heard(52);
      vi.advanceTimersByTime(1);
    }
    expect(state.answers).toBe(10);
    vi.advanceTimersByTime(20);
    expect(state.answers).toBe(11);
  });

  test('is left alone once the connection has ended', () => {
    const { state, prompt } = scene();
    prompt.heard(52);
    prompt.stop();
    vi.advanceTimersByTime(1_000);
    expect(state.answers).toBe(0);
  });
});

describe('behind a confirmation or an adjustment more may wait', () => {
  /** Turns of the event loop in which nothing happens. */
  const turns = (count: number): void => {
    for (let turn = 0; turn < count; turn += 1) vi.advanceTimersToNextTimer();
  };
  const forerunner = ({ state, prompt }: ReturnType<typeof scene>): void => {
    state.forerunners += 1;
    prompt.heard(52);
  };

  test('so it is answered after two turns, and not again', () => {
    const it = scene();
    forerunner(it);
    turns(1);
    expect(it.state.answers).toBe(0);
    turns(1);
    expect(it.state.answers).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(it.state.answers).toBe(1);
  });

  test('in the middle of a conversation, too', () => {
    const it = scene();
    for (let ms = 0; ms < 100; ms += 1) {
      it.prompt.heard(52);
      vi.advanceTimersByTime(1);
      it.state.sent += 1;
    }
    forerunner(it);
    turns(2);
    expect(it.state.answers).toBe(1);
  });

  test('but not where somebody here has said something by then', () => {
    const it = scene();
    forerunner(it);
    turns(1);
    it.state.sent += 1;
    turns(2);
    vi.advanceTimersByTime(1_000);
    expect(it.state.answers).toBe(0);
  });

  test('nor within 10 ms of the last answer: that one comes as any other', () => {
    const it = scene();
    forerunner(it);
    turns(2);
    const from = performance.now();
    vi.advanceTimersByTime(5);
    forerunner(it);
    expect(it.state.answers).toBe(1);
    while (it.state.answers === 1 && performance.now() < from + 100) vi.advanceTimersByTime(1);
    expect(performance.now() - from).toBe(10);
  });

  test.each<[string, (it: ReturnType<typeof scene>) => void]>([
    ['the connection has ended', ({ prompt }) => prompt.stop()],
    ['something large came', ({ prompt }) => prompt.heard(32_000)],
  ])('nor once %s', (_, happens) => {
    const it = scene();
    forerunner(it);
    happens(it);
    turns(2);
    vi.advanceTimersByTime(1_000);
    expect(it.state.answers).toBe(0);
  });
});
