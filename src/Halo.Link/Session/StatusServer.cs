using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Cryptography;
using System.Security.Principal;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Session;

/// <summary>Answers <c>halo-link status</c>: who connects gets the report and the end. A Unix socket for the owner alone, on Windows a pipe for administrators.</summary>
public sealed partial class StatusServer(DataDirectory directory, Func<StatusReport> report, ILogger<StatusServer> log)
{
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
    public static async Task<StatusReport?> AskAsync(string dataDirectory, CancellationToken stop)
    {
        try
        {
            await using var stream = await ConnectAsync(dataDirectory, stop);
            return await JsonSerializer.DeserializeAsync(stream, LinkFilesJson.Default.StatusReport, stop);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or TimeoutException or JsonException)
        {
            return null;
        }
    }

    static async Task<Stream> ConnectAsync(string dataDirectory, CancellationToken stop)
    {
        if (OperatingSystem.IsWindows())
        {
            var pipe = new NamedPipeClientStream(".", PipeName(dataDirectory), PipeDirection.In, PipeOptions.Asynchronous);
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
                await AnswerAsync(new NetworkStream(await listener.AcceptAsync(stop), ownsSocket: true), stop);
        }
        finally
        {
            File.Delete(directory.StatusSocket);
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
            var pipe = NamedPipeServerStreamAcl.Create(PipeName(directory.Path), PipeDirection.Out, 4, PipeTransmissionMode.Byte,
                PipeOptions.Asynchronous, 0, 0, security);
            await pipe.WaitForConnectionAsync(stop);
            await AnswerAsync(pipe, stop);
        }
    }

    async Task AnswerAsync(Stream stream, CancellationToken stop)
    {
        await using (stream)
        {
            try
            {
                await stream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(report(), LinkFilesJson.Default.StatusReport), stop);
            }
            catch (IOException)
            {
                // Who asked has gone.
            }
        }
    }

    static string PipeName(string dataDirectory) =>
        "halo-link-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(dataDirectory.ToUpperInvariant())))[..16];

    [LoggerMessage(2003, LogLevel.Warning, "halo-link status will not find this Link: {Path} cannot be had ({Message}). A shorter data directory may help.")]
    partial void LogUnavailable(string path, string message);
}
