// Package store keeps everything in SQL, on SQLite inside the process or on
// PostgreSQL (and what speaks its protocol): one [Store] that satisfies the
// small interfaces which the services declare.
//
// Both engines run the same statements and keep the same promises:
//
//   - What a method acknowledged is durable (WAL with synchronous=FULL;
//     synchronous_commit=on).
//   - What may happen once happens once, over all processes on one database:
//     each such step is one conditional statement.
//   - Events, things to send and the change feed are written in the
//     transaction that causes them.
//   - No statement on the data of a realm lacks the realm's id, except those
//     of the sweeper, the outbox, approvals that fall due and the feeds.
//
// If it is wrong, a used code works twice, an acknowledged answer is lost, or
// one realm reads another's rows.
package store
