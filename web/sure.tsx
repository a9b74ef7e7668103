import { useState } from 'preact/hooks';
import type { Sure } from '../src/web/order-wire.ts';

/** A deliberate act: a button pressed; for what cannot be taken back, a word typed before it. */
export function BeSure(props: {
  readonly id: string;
  readonly sure: Sure;
  readonly act: string;
  readonly disabled: boolean;
  readonly done: (typed: string) => void;
}) {
  const { id, sure, act, disabled, done } = props;
  const [typed, setTyped] = useState('');
  const ready = sure.is === 'press' || typed.trim() === sure.word;
  return (
    <form
      class="sure"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !disabled) done(typed.trim());
      }}
    >
      {sure.is === 'type' && (
        <label for={`sure-${id}`}>
          Type {sure.says} to confirm: <strong>{sure.word}</strong>
          <input
            id={`sure-${id}`}
            type="text"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      )}
      <button type="submit" class="act" disabled={disabled || !ready}>
        {act}
      </button>
    </form>
  );
}
