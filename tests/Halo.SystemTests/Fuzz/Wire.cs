using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Halo.SystemTests.Fuzz;

/// <summary>One response as it came over the wire; interim ones (1xx) are passed over.</summary>
sealed record WireResponse(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public bool Closes => Headers.TryGetValue("Connection", out var word) && word.Contains("close", StringComparison.OrdinalIgnoreCase);

    public override string ToString() =>
        $"{Status} {string.Join("; ", Headers.Select(h => $"{h.Key}: {h.Value}"))} | {(Text.Length > 1000 ? Text[..1000] : Text)}";
}

/// <summary>HTTP/1.1 by hand over one socket: what is sent is exactly these bytes, and each answer is read to its end or the socket's.</summary>
sealed class Wire : IDisposable
{
    readonly TcpClient _client;
    readonly NetworkStream _stream;
    readonly byte[] _buffer = new byte[64 * 1024];
    int _start;
    int _end;

    Wire(TcpClient client) => (_client, _stream) = (client, client.GetStream());

    public static async Task<Wire> OpenAsync(Uri address, CancellationToken stop)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(address.Host, address.Port, stop);
        return new(client);
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop) => _stream.WriteAsync(bytes, stop);

    /// <summary>Says that nothing more is sent; answers can still be read.</summary>
    public void EndSending() => _client.Client.Shutdown(SocketShutdown.Send);

    /// <summary>The next final response; null where the socket ended before one began.</summary>
    /// <exception cref="EndOfStreamException">It ended within one.</exception>
    public async Task<WireResponse?> ReadAsync(bool hasBody, CancellationToken stop)
    {
        while (true)
        {
            if (await ReadLineAsync(stop) is not { } first)
                return null;
            var status = first.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && first.Length >= 12
                ? int.Parse(first.AsSpan(9, 3), CultureInfo.InvariantCulture)
                : throw new InvalidDataException("Not a status line: " + first);
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await ReadLineAsync(stop) is { } line ? line.Length > 0 : throw new EndOfStreamException())
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                headers[line[..colon]] = line[(colon + 1)..].Trim();
            }
            if (status is >= 100 and < 200 and not 101)
                continue;
            return new(status, headers, hasBody && status is not (101 or 204 or 304) ? await ReadBodyAsync(headers, stop) : []);
        }
    }

    public void Dispose() => _client.Dispose();

    async Task<byte[]> ReadBodyAsync(Dictionary<string, string> headers, CancellationToken stop)
    {
        if (headers.TryGetValue("Content-Length", out var length))
            return await TakeAsync(int.Parse(length, CultureInfo.InvariantCulture), stop);
        using var body = new MemoryStream();
        if (!headers.ContainsKey("Transfer-Encoding"))
        {
            while (await FillAsync(stop))
            {
                body.Write(_buffer, _start, _end - _start);
                _start = _end;
            }
            return body.ToArray();
        }
        while (true)
        {
            var size = int.Parse(await ReadLineAsync(stop) ?? throw new EndOfStreamException(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.Write(await TakeAsync(size, stop));
            if (await ReadLineAsync(stop) is not "")
                throw new EndOfStreamException();
            if (size == 0)
                return body.ToArray();
        }
    }

    async Task<byte[]> TakeAsync(int count, CancellationToken stop)
    {
        var taken = new byte[count];
        for (var filled = 0; filled < count;)
        {
            if (!await FillAsync(stop))
                throw new EndOfStreamException();
            var part = Math.Min(count - filled, _end - _start);
            _buffer.AsSpan(_start, part).CopyTo(taken.AsSpan(filled));
            (_start, filled) = (_start + part, filled + part);
        }
        return taken;
    }

    async Task<string?> ReadLineAsync(CancellationToken stop)
    {
        var line = new StringBuilder();
        while (await FillAsync(stop))
        {
            var feed = Array.IndexOf(_buffer, (byte)'\n', _start, _end - _start);
            line.Append(Encoding.Latin1.GetString(_buffer, _start, (feed < 0 ? _end : feed) - _start));
            _start = feed < 0 ? _end : feed + 1;
            if (feed >= 0)
                return line.ToString().TrimEnd('\r');
        }
        return line.Length == 0 ? null : throw new EndOfStreamException();
    }

    async ValueTask<bool> FillAsync(CancellationToken stop)
    {
        if (_start < _end)
            return true;
        _start = 0;
        try
        {
            _end = await _stream.ReadAsync(_buffer, stop);
        }
        catch (IOException)
        {
            // A reset after a response is as good an end as any.
            _end = 0;
        }
        return _end > 0;
    }
}
