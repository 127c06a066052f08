using System.Net.Sockets;
using System.Text.Json;
using Halo.Releases.Handover;

namespace Halo.Link.Updater.Service;

/// <summary>What the running agent says of itself, over its status socket. It could say anything: what is read is bounded, and a lie harms that agent alone.</summary>
sealed class AgentStatus(string data, TimeProvider time)
{
    const int LongestAnswer = 8 << 20;
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <returns>Null: no agent answers.</returns>
    public async Task<AgentAnswer?> AskAsync()
    {
        var path = Path.Combine(data, "status.sock");
        if (new FileInfo(path) is not { Exists: true, LinkTarget: null })
            return null;
        using var limit = new CancellationTokenSource(Longest, time);
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token);
            await socket.SendAsync("status\n"u8.ToArray(), limit.Token);
            using var answer = new MemoryStream();
            var piece = new byte[16 << 10];
            while (await socket.ReceiveAsync(piece, limit.Token) is > 0 and var read)
            {
                answer.Write(piece, 0, read);
                if (answer.Length > LongestAnswer)
                    return null;
            }
            return Parse(answer.ToArray());
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or JsonException)
        {
            return null;
        }
    }

    internal static AgentAnswer? Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json, new() { MaxDepth = 16 });
        var status = document.RootElement;
        if (status.ValueKind != JsonValueKind.Object || Text(status, "version") is not { } version)
            return null;
        var connected = status.TryGetProperty("connected", out var c) && c.ValueKind == JsonValueKind.True;
        var healthy = new List<string>();
        if (status.TryGetProperty("sites", out var sites) && sites.ValueKind == JsonValueKind.Array)
            foreach (var site in sites.EnumerateArray())
                if (site.ValueKind == JsonValueKind.Object && Text(site, "siteId") is { } id && id.Length <= 40
                    && site.TryGetProperty("database", out var database) && database.ValueKind == JsonValueKind.Object
                    && string.Equals(Text(database, "status"), "healthy", StringComparison.OrdinalIgnoreCase))
                    healthy.Add(id);
        return new(version, new(connected, healthy));
    }

    static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>What an agent answered.</summary>
/// <param name="Version">Its own.</param>
/// <param name="Health">What it has.</param>
sealed record AgentAnswer(string Version, AgentHealth Health);
