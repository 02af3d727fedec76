import { SetMetadata, type CustomDecorator } from '@nestjs/common';

export const SHOWS_TOKEN = 'idempotency:shows-token';

/** Marks a route whose answer shows a token, so that the stored answer is encrypted. */
export const ShowsToken = (): CustomDecorator => SetMetadata(SHOWS_TOKEN, true);

export const IN_STEPS = 'idempotency:in-steps';

/** Marks a write that runs in transactions of its own and, when repeated, continues where it stopped. */
export const InSteps = (): CustomDecorator => SetMetadata(IN_STEPS, true);
