using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Halo.Bench.Load;

/// <summary>HTTP/1.1 over a blocking socket: what is measured is the server, with as little of a client as can be.</summary>
sealed class HttpCaller(int port, IReadOnlyList<byte[]> requests) : ICaller
{
    readonly byte[] _buffer = new byte[64 * 1024];
    Socket? _socket;
    int _filled;
    int _next;

    public void Call()
    {
        try
        {
            var socket = _socket ??= Connect();
            var request = requests[_next++ % requests.Count];
            for (var sent = 0; sent < request.Length;)
                sent += socket.Send(request, sent, request.Length - sent, SocketFlags.None);
            _filled = 0;
            var head = ReadHead(socket);
            var status = Encoding.ASCII.GetString(_buffer, 9, 3);
            TakeBody(socket, head);
            if (status is not ("200" or "201"))
                throw new InvalidOperationException($"HTTP {status}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A server closes what was idle for long; that is no failed call. Once before a load, so that it costs no call anything.</summary>
    public void ForgetClosed()
    {
        if (_socket is { } socket && socket.Poll(0, SelectMode.SelectRead))
            Dispose();
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 120_000 };
        socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }

    /// <returns>Bytes of the status line and headers.</returns>
    int ReadHead(Socket socket)
    {
        while (true)
        {
            Fill(socket);
            var end = _buffer.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
                return end + 4;
        }
    }

    void TakeBody(Socket socket, int head)
    {
        var headers = _buffer.AsSpan(0, head);
        if (Header(headers, "\r\nContent-Length: "u8) is var length and >= 0)
        {
            for (var left = length - (_filled - head); left > 0;)
            {
                var got = socket.Receive(_buffer, 0, (int)Math.Min(left, _buffer.Length), SocketFlags.None);
                left -= got > 0 ? got : throw new IOException("The connection ended within an answer.");
            }
            return;
        }
        var chunks = new ChunkSkimmer();
        var done = chunks.Take(_buffer.AsSpan(head, _filled - head));
        while (!done)
        {
            _filled = 0;
            Fill(socket);
            done = chunks.Take(_buffer.AsSpan(0, _filled));
        }
    }

    void Fill(Socket socket)
    {
        var got = socket.Receive(_buffer, _filled, _buffer.Length - _filled, SocketFlags.None);
        _filled += got > 0 ? got : throw new IOException("The connection ended within an answer.");
    }

    static long Header(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> name)
    {
        var at = headers.IndexOf(name);
        return at >= 0 && Utf8Parser.TryParse(headers[(at + name.Length)..], out long value, out _) ? value : -1;
    }
}
