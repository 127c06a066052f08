using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Cryptography;
using System.Security.Principal;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Link.Files;
using Halo.Link.Sites;
using Halo.Link.Updating;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Status;

/// <summary>
/// Answers the commands that ask the running Link: one line with the question, then the answer as JSON and the end. A Unix
/// socket for the owner alone, on Windows a pipe for administrators.
/// </summary>
sealed partial class StatusServer(
    DataDirectory directory, Func<StatusReport> report, Func<Guid?, CancellationToken, Task<PairingReport>> pairingCode, Func<bool, CancellationToken, Task<UpdateAnswer>> update, Action uninstall, TimeProvider time, ILogger<StatusServer> log)
{
    const string StatusQuestion = "status";
    const string PairingQuestion = "pairing-code";
    const string UninstallQuestion = "uninstall";
    const string UpdateQuestion = "update-check", UpdateNowQuestion = "update-now";
    const int LongestQuestion = 128;
    static readonly TimeSpan LongestAsking = TimeSpan.FromSeconds(2);

    /// <summary>Serves until it is stopped. Where the socket cannot be had, the Link works without.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            if (OperatingSystem.IsWindows())
                await ServePipesAsync(stop);
            else
                await ServeSocketAsync(stop);
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or ArgumentException)
        {
            LogUnavailable(directory.StatusSocket, e.Message);
        }
    }

    /// <summary>Asks the Link that runs on a data directory; null: none does.</summary>
    public static Task<StatusReport?> AskAsync(string dataDirectory, CancellationToken stop) =>
        AskAsync(dataDirectory, StatusQuestion, StatusJson.Default.StatusReport, stop);

    /// <summary>Asks the Link that runs on a data directory for a pairing code; null: none does.</summary>
    public static Task<PairingReport?> AskPairingCodeAsync(string dataDirectory, Guid? siteId, CancellationToken stop) =>
        AskAsync(dataDirectory, $"{PairingQuestion} {siteId}", StatusJson.Default.PairingReport, stop);

    /// <summary>Asks the Link that runs on a data directory to end, for good; null: none does.</summary>
    public static Task<StatusReport?> AskToUninstallAsync(string dataDirectory, CancellationToken stop) =>
        AskAsync(dataDirectory, UninstallQuestion, StatusJson.Default.StatusReport, stop);

    /// <summary>Asks the Link that runs on a data directory which version it should run, or to go there now; null: none does.</summary>
    public static Task<UpdateAnswer?> AskUpdateAsync(string dataDirectory, bool now, CancellationToken stop) =>
        AskAsync(dataDirectory, now ? UpdateNowQuestion : UpdateQuestion, StatusJson.Default.UpdateAnswer, stop);

    static async Task<T?> AskAsync<T>(string dataDirectory, string question, JsonTypeInfo<T> type, CancellationToken stop)
        where T : class
    {
        try
        {
            await using var stream = await ConnectAsync(dataDirectory, stop);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(question + "\n"), stop);
            return await JsonSerializer.DeserializeAsync(stream, type, stop);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or TimeoutException or JsonException or ArgumentException)
        {
            return null;
        }
    }

    static async Task<Stream> ConnectAsync(string dataDirectory, CancellationToken stop)
    {
        if (OperatingSystem.IsWindows())
        {
            // Setup asks as the system: whoever else made a pipe of this name must not act in its place.
            var pipe = new NamedPipeClientStream(".", PipeName(dataDirectory), PipeDirection.InOut, PipeOptions.Asynchronous, TokenImpersonationLevel.Anonymous);
            await pipe.ConnectAsync(2000, stop);
            return pipe;
        }
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(dataDirectory, "status.sock")), stop);
        return new NetworkStream(socket, ownsSocket: true);
    }

    async Task ServeSocketAsync(CancellationToken stop)
    {
        // A left-over of a killed process: the lock on the directory says that nobody listens there.
        File.Delete(directory.StatusSocket);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(directory.StatusSocket));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(directory.StatusSocket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen();
        try
        {
            while (true)
                _ = AnswerAsync(new NetworkStream(await listener.AcceptAsync(stop), ownsSocket: true), stop);
        }
        finally
        {
            RemoveSocket();
        }
    }

    void RemoveSocket()
    {
        try
        {
            File.Delete(directory.StatusSocket);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody listens there any more, and the next start removes it.
        }
    }

    [SupportedOSPlatform("windows")]
    async Task ServePipesAsync(CancellationToken stop)
    {
        var security = new PipeSecurity();
        foreach (var who in (SecurityIdentifier[])[new(WellKnownSidType.BuiltinAdministratorsSid, null), WindowsIdentity.GetCurrent().User!])
            security.AddAccessRule(new(who, PipeAccessRights.FullControl, AccessControlType.Allow));
        while (true)
        {
            var pipe = NamedPipeServerStreamAcl.Create(PipeName(directory.Path), PipeDirection.InOut, NamedPipeServerStream.MaxAllowedServerInstances, PipeTransmissionMode.Byte,
                PipeOptions.Asynchronous, 0, 0, security);
            await pipe.WaitForConnectionAsync(stop);
            _ = AnswerAsync(pipe, stop);
        }
    }

    // Beside the others: an answer may take as long as the API takes.
    async Task AnswerAsync(Stream stream, CancellationToken stop)
    {
        await using (stream)
        {
            try
            {
                var question = await ReadQuestionAsync(stream, stop);
                await stream.WriteAsync(question.StartsWith(PairingQuestion, StringComparison.Ordinal)
                    ? JsonSerializer.SerializeToUtf8Bytes(
                        await pairingCode(Guid.TryParse(question.AsSpan(PairingQuestion.Length), out var site) ? site : null, stop), StatusJson.Default.PairingReport)
                    : question is UpdateQuestion or UpdateNowQuestion
                    ? JsonSerializer.SerializeToUtf8Bytes(await update(question == UpdateNowQuestion, stop), StatusJson.Default.UpdateAnswer)
                    : JsonSerializer.SerializeToUtf8Bytes(report(), StatusJson.Default.StatusReport), stop);
                if (question == UninstallQuestion)
                    uninstall();
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // Who asked has gone, or the Link stops.
            }
        }
    }

    /// <summary>The first line; who asks nothing within two seconds, as older commands do, wants the status.</summary>
    async Task<string> ReadQuestionAsync(Stream stream, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(LongestAsking, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        var question = new byte[LongestQuestion];
        var length = 0;
        try
        {
            while (length < question.Length && await stream.ReadAsync(question.AsMemory(length), either.Token) is > 0 and var read)
            {
                length += read;
                if (question.AsSpan(0, length).IndexOf((byte)'\n') is >= 0 and var end)
                    return Encoding.ASCII.GetString(question, 0, end).Trim();
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Silence is a question too.
        }
        return StatusQuestion;
    }

    static string PipeName(string dataDirectory) =>
        "halo-link-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dataDirectory.ToUpperInvariant())))[..16];

    [LoggerMessage(2003, LogLevel.Warning, "halo-link status will not find this Link: {Path} cannot be had ({Message}). A shorter data directory may help.")]
    partial void LogUnavailable(string path, string message);
}
