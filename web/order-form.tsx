import { useState } from 'preact/hooks';
import type { OrderField, OrderForm, PrepareBody } from '../src/web/order-wire.ts';

type Values = Readonly<Record<string, string | true>>;

function Field(props: {
  readonly field: OrderField;
  readonly value: string | true | undefined;
  readonly change: (value: string | true | undefined) => void;
}) {
  const { field, value, change } = props;
  const id = `field-${field.name}`;
  const text = typeof value === 'string' ? value : '';
  const label = field.name.replace(/^--/, '');
  if (field.kind === 'flag') {
    return (
      <div class="field flag">
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={(event) => change(event.currentTarget.checked ? true : undefined)}
        />
        <label for={id}>
          {label} <span class="soft">{field.says}</span>
        </label>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>
        {label}
        {field.required ? ' (needed)' : ''}{' '}
        <span class="soft">
          {field.says}
          {field.many ? '; several: a blank between' : ''}
        </span>
      </label>
      {field.kind === 'choice' && !field.many ? (
        <select id={id} value={text} onChange={(event) => change(event.currentTarget.value || undefined)}>
          <option value="">{field.required ? 'choose' : 'as usual'}</option>
          {field.choices?.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="text"
          autocomplete="off"
          spellcheck={false}
          required={field.required}
          value={text}
          onInput={(event) => change(event.currentTarget.value || undefined)}
        />
      )}
    </div>
  );
}

function valuesOf(fields: readonly OrderField[], values: Values): PrepareBody['values'] {
  const out: Record<string, string | true | readonly string[]> = {};
  for (const { name, many } of fields) {
    const value = values[name];
    if (value === undefined) continue;
    out[name] = many && typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : value;
  }
  return out;
}

/** One order's words, as the command has them. */
export function OrderWords(props: {
  readonly form: OrderForm;
  readonly busy: boolean;
  readonly prepare: (asked: Pick<PrepareBody, 'values' | 'tokens'>) => void;
}) {
  const { form, busy } = props;
  const [values, setValues] = useState<Values>({});
  const [tokens, setTokens] = useState('');
  return (
    <form
      class="order-words"
      onSubmit={(event) => {
        event.preventDefault();
        const given = tokens.trim() === '' ? {} : { tokens };
        if (!busy) props.prepare({ values: valuesOf(form.fields, values), ...given });
      }}
    >
      {form.fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={values[field.name]}
          change={(value) => {
            const { [field.name]: _, ...rest } = values;
            setValues(value === undefined ? rest : { ...rest, [field.name]: value });
          }}
        />
      ))}
      {form.tokens && (
        <div class="field">
          <label for="tokens">
            tokens{' '}
            <span class="soft">
              the text of the governor's file, where the order takes one of the budget for each host
            </span>
          </label>
          <textarea
            id="tokens"
            rows={3}
            spellcheck={false}
            value={tokens}
            onInput={(event) => setTokens(event.currentTarget.value)}
          />
        </div>
      )}
      <button type="submit" disabled={busy}>
        {busy ? 'preparing…' : 'Show what will be signed'}
      </button>
    </form>
  );
}
