using System.Collections.Concurrent;
using System.Net;
using Halo.Testing;

namespace Halo.SystemTests.Telemetry;

/// <summary>An OTLP collector that keeps what it is sent.</summary>
public sealed class Collector : IDisposable
{
    readonly HttpListener _listener = new();
    readonly ConcurrentQueue<(string Path, byte[] Body)> _received = [];

    public Collector()
    {
        Address = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _ = ReceiveAsync();
    }

    public string Address { get; }

    /// <summary>Every byte that came, traces and metrics.</summary>
    public IReadOnlyList<byte[]> Everything => [.. _received.Select(r => r.Body)];

    public IReadOnlyList<Span> Spans => [.. _received.Where(r => r.Path == "/v1/traces").SelectMany(r => Span.ReadAll(r.Body))];

    public void Dispose() => _listener.Close();

    async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                var call = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await call.Request.InputStream.CopyToAsync(body);
                _received.Enqueue((call.Request.Url!.AbsolutePath, body.ToArray()));
                call.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}

/// <summary>One span as OTLP carries it, as far as the tests look.</summary>
public sealed record Span(string Trace, string Id, string Parent, string Name)
{
    /// <summary>The spans of an ExportTraceServiceRequest: resource_spans(1) / scope_spans(2) / spans(2).</summary>
    public static IEnumerable<Span> ReadAll(byte[] request) =>
        from resource in Fields(request, 1)
        from scope in Fields(resource, 2)
        from span in Fields(scope, 2)
        select new Span(Hex(span, 1), Hex(span, 2), Hex(span, 4), Fields(span, 5).Select(f => System.Text.Encoding.UTF8.GetString(f.Span)).FirstOrDefault(""));

    static string Hex(ReadOnlyMemory<byte> message, int field) => Convert.ToHexString(Fields(message, field).FirstOrDefault().Span);

    /// <summary>The length-delimited fields of a protobuf message that have this number.</summary>
    static IEnumerable<ReadOnlyMemory<byte>> Fields(ReadOnlyMemory<byte> message, int wanted)
    {
        for (var at = 0; at < message.Length;)
        {
            var tag = Number(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    Number(message, ref at);
                    break;
                case 1:
                    at += 8;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    var length = (int)Number(message, ref at);
                    if ((int)(tag >> 3) == wanted)
                        yield return message.Slice(at, length);
                    at += length;
                    break;
            }
        }
    }

    static ulong Number(ReadOnlyMemory<byte> message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = message.Span[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
