using System.Text;

namespace Halo.SystemTests.Fuzz;

/// <summary>A request before it is bytes.</summary>
sealed record FuzzRequest(string Method, string Path, IReadOnlyList<(string Name, string Value)> Headers, byte[]? Body)
{
    /// <summary>The bytes, framed as HTTP wants it.</summary>
    public byte[] ToBytes(string? claimedLength = null)
    {
        var head = new StringBuilder();
        head.Append(Method).Append(' ').Append(Path).Append(" HTTP/1.1\r\n");
        foreach (var (name, value) in Headers)
            head.Append(name).Append(": ").Append(value).Append("\r\n");
        if (claimedLength is not null)
            head.Append(claimedLength);
        else if (Body is not null)
            head.Append("Content-Length: ").Append(Body.Length).Append("\r\n");
        head.Append("\r\n");
        return [.. Encoding.UTF8.GetBytes(head.ToString()), .. Body ?? []];
    }
}

/// <summary>What is sent, and how.</summary>
/// <param name="Bytes">Exactly these.</param>
/// <param name="Malformed">HTTP's own rules may be broken: the socket is half closed after it, and every answer is read to its end.</param>
/// <param name="Abandoned">The caller leaves without reading.</param>
sealed record FuzzShot(byte[] Bytes, bool Head, bool Malformed, bool Abandoned)
{
    /// <summary>So that a person can see it, and send it again.</summary>
    public override string ToString()
    {
        var text = Encoding.Latin1.GetString(Bytes, 0, Math.Min(Bytes.Length, 3000));
        return string.Concat(text.Select(c => c is >= ' ' and < (char)127 or '\n' ? c.ToString() : c == '\r' ? "" : $"\\x{(int)c:x2}"));
    }
}
