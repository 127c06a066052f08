using FsCheck;
using FsCheck.Fluent;
using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Tests;

public class AnswerPayloadTests
{
    [Fact]
    public void Any_outcome_and_rows_come_apart_as_they_were_put_together() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<byte[]>(), (outcome, rows) =>
        {
            var payload = new byte[AnswerPayload.LengthBytes + outcome.Length + rows.Length];
            rows.CopyTo(payload.AsSpan(AnswerPayload.WriteHead(payload, outcome)));
            return AnswerPayload.TryRead(payload, out var readOutcome, out var readRows)
                && readOutcome.Span.SequenceEqual(outcome) && readRows.Span.SequenceEqual(rows);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 0, 0 })]
    [InlineData(new byte[] { 2, 0, 0, 0, 65 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 65 })]
    public void A_payload_that_is_shorter_than_it_says_is_refused(byte[] payload) => Assert.False(AnswerPayload.TryRead(payload, out _, out _));
}
