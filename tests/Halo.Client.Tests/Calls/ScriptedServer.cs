using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Halo.Client.Tests.Calls;

/// <summary>Answers each connection's one request with the next of some answers, byte for byte: for what the real service never says, or says too seldom.</summary>
sealed class ScriptedServer : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentQueue<string> _answers;
    readonly Task _serving;

    /// <param name="answers">Whole answers; an empty one closes the connection without a word. One that ends in <c>…</c> leaves it open behind that.</param>
    public ScriptedServer(params string[] answers)
    {
        _answers = new(answers);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>The requests that came, head and body.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public HaloClient Client(Action<HaloClientOptions>? configure = null)
    {
        var options = new HaloClientOptions { Address = Address, Key = "key" };
        configure?.Invoke(options);
        return new(options);
    }

    public HaloSite Site(Action<HaloClientOptions>? configure = null) => Client(configure).Sites.At(Guid.NewGuid());

    public static string Json(string status, string body, string headers = "") =>
        $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n{headers}\r\n{body}";

    public static string Refusal(string status, string code, string headers = "") =>
        Json(status, $$"""{ "error": { "status": {{status[..3]}}, "statusText": "x", "message": "No.", "code": "{{code}}" } }""", headers);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _serving;
        _stop.Dispose();
    }

    async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = AnswerAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                Requests.Enqueue(await ReadAsync(stream));
                if (!_answers.TryDequeue(out var answer))
                    return;
                await stream.WriteAsync(Encoding.UTF8.GetBytes(answer.TrimEnd('…')));
                if (answer.EndsWith('…'))
                    await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client left, or the test is over.
            }
        }
    }

    async Task<string> ReadAsync(NetworkStream stream)
    {
        var (text, buffer) = ("", new byte[8192]);
        while (true)
        {
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                var length = text.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase)) is { } header ? int.Parse(header[16..]) : 0;
                if (text.Length >= end + 4 + length)
                    return text;
            }
            var read = await stream.ReadAsync(buffer, _stop.Token);
            if (read == 0)
                throw new IOException("The request ended.");
            text += Encoding.Latin1.GetString(buffer, 0, read);
        }
    }
}
