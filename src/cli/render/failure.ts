/** A failure in words: what happened, its code, and what to do next. */
import type { Failure } from '../../core/failure.ts';
import type { Style } from './style.ts';

type Told = Pick<Failure, 'message' | 'hint'> & { readonly code: string };

/** `connection refused by bastion:22 [refused]` */
export const failureText = ({ message, code }: Told, style: Style): string => `${message} ${style('dim', `[${code}]`)}`;

/** `→ is sshd running there?`; empty without a hint. */
export const hintText = ({ hint }: Told, style: Style): string => (hint === null ? '' : style('dim', `→ ${hint}`));
