using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Session;

/// <summary>One session as the API sees it. Frames wait here until a test takes them.</summary>
sealed class TestSession(LineConnection line, string authorization)
{
    readonly Channel<(FrameKind Kind, Guid QueryId, byte[] Payload)> _frames = Channel.CreateUnbounded<(FrameKind, Guid, byte[])>();
    readonly TaskCompletionSource _ended = new();
    TaskCompletionSource _reading = Completed();

    public LineConnection Line => line;

    public string Authorization => authorization;

    /// <summary>Ends with the line.</summary>
    public Task Ended => _ended.Task;

    public async Task RunAsync()
    {
        await line.ReceiveAsync(async f =>
        {
            await _reading.Task;
            await _frames.Writer.WriteAsync((f.Kind, f.QueryId, f.Payload.ToArray()));
        });
        _frames.Writer.TryComplete();
        _ended.TrySetResult();
    }

    /// <summary>From the next frame on nothing is read.</summary>
    public void StopReading() => _reading = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void ReadOn() => _reading.TrySetResult();

    static TaskCompletionSource Completed()
    {
        var completed = new TaskCompletionSource();
        completed.SetResult();
        return completed;
    }

    /// <summary>Takes Hello and answers it.</summary>
    public Task<Hello> WelcomeAsync(int heartbeatSeconds = 60, params SiteNotice[] notices) => WelcomeAsync([], heartbeatSeconds, notices);

    /// <inheritdoc cref="WelcomeAsync(int, SiteNotice[])"/>
    /// <param name="capabilities">What the API can do.</param>
    public async Task<Hello> WelcomeAsync(string[] capabilities, int heartbeatSeconds = 60, params SiteNotice[] notices)
    {
        var hello = Read(await NextAsync(FrameKind.Hello), ProtocolJson.Default.Hello);
        await SendAsync(FrameKind.Welcome, Guid.Empty, new Welcome(Guid.NewGuid(), "26.1.1", heartbeatSeconds, [], notices) { Capabilities = capabilities }, ProtocolJson.Default.Welcome);
        return hello;
    }

    public async Task SendAsync<T>(FrameKind kind, Guid queryId, T message, JsonTypeInfo<T> type) =>
        Assert.True(await line.SendAsync(kind, queryId, message, type));

    /// <summary>The next frame of this kind; others before it are dropped.</summary>
    public async Task<(FrameKind Kind, Guid QueryId, byte[] Payload)> NextAsync(params FrameKind[] kinds)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (true)
        {
            var frame = await _frames.Reader.ReadAsync(limit.Token);
            if (kinds.Contains(frame.Kind))
                return frame;
        }
    }

    /// <summary>Everything that one query brings, up to its outcome, which is acknowledged; credit is granted as rows come.</summary>
    public async Task<(ResultHead? Head, byte[] Rows, Outcome Outcome, int LargestChunk)> ResultAsync(Guid queryId, bool acknowledge = true)
    {
        ResultHead? head = null;
        var rows = new MemoryStream();
        var largest = 0;
        while (true)
        {
            var (kind, id, payload) = await NextAsync(FrameKind.Columns, FrameKind.Rows, FrameKind.Outcome, FrameKind.Answer);
            if (id != queryId)
                continue;
            switch (kind)
            {
                case FrameKind.Columns:
                    head = JsonSerializer.Deserialize(payload, ProtocolJson.Default.ResultHead);
                    break;
                case FrameKind.Rows:
                    largest = Math.Max(largest, payload.Length);
                    rows.Write(payload);
                    await line.SendAsync(FrameKind.Credit, id, BitConverter.GetBytes((uint)payload.Length));
                    break;
                case FrameKind.Answer:
                    Assert.True(AnswerPayload.TryRead(payload, out var json, out var piece));
                    var answer = JsonSerializer.Deserialize(json.Span, ProtocolJson.Default.Outcome)!;
                    if (acknowledge)
                        await line.SendAsync(FrameKind.OutcomeAck, id);
                    return (new ResultHead(answer.Columns!), piece.ToArray(), answer, piece.Length);
                default:
                    if (acknowledge)
                        await line.SendAsync(FrameKind.OutcomeAck, id);
                    return (head, rows.ToArray(), JsonSerializer.Deserialize(payload, ProtocolJson.Default.Outcome)!, largest);
            }
        }
    }

    public static T Read<T>((FrameKind Kind, Guid QueryId, byte[] Payload) frame, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(frame.Payload, type)!;
}
