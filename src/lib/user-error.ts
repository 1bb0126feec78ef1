/**
 * An error whose message is a sentence for the user: what is wrong, in their words. Every other error is a fault
 * of ours, of which a user gets a reference number only.
 */
export class UserError extends Error {}
