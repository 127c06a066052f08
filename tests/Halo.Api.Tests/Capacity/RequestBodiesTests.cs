using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Halo.Api.Capacity;
using Halo.Api.Settings;
using Halo.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api.Tests.Capacity;

public class RequestBodiesTests
{
    [Theory, InlineData(false), InlineData(true)]
    public async Task A_connection_is_not_used_again_where_the_time_was_over_as_the_body_ended(bool isLate)
    {
        var time = new ManualTime();
        var http = new DefaultHttpContext();
        http.Request.ContentLength = 2;
        var reader = new EndingReader("{}", () => time.Advance(isLate ? TimeSpan.FromHours(1) : TimeSpan.Zero));
        http.Features.Set<IRequestBodyPipeFeature>(reader);
        var (body, refusal) = await new RequestBodies(new QueryLimits(), time).ReadAsync(http);
        Assert.Null(refusal);
        Assert.Equal("{}", Encoding.UTF8.GetString(body.Span));
        Assert.Equal((isLate, isLate ? "close" : ""), (reader.IsCancelled, http.Response.Headers.Connection.ToString()));
        // Whoever reads from the connection next is left alone.
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(isLate, reader.IsCancelled);
    }

    /// <summary>A body that is waited for and then there, all of it.</summary>
    sealed class EndingReader(string body, Action ending) : PipeReader, IRequestBodyPipeFeature
    {
        public bool IsCancelled { get; private set; }

        public PipeReader Reader => this;

        public override bool TryRead(out ReadResult result)
        {
            result = default;
            return false;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ending();
            return new(new ReadResult(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(body)), isCanceled: false, isCompleted: true));
        }

        public override void CancelPendingRead() => IsCancelled = true;

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
