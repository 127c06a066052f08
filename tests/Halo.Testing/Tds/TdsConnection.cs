using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Halo.Testing.Tds;

/// <summary>One client: pre-login, TLS, login, then requests, with attentions beside them.</summary>
sealed class TdsConnection(TdsServer server, Socket socket, CancellationToken stop)
{
    TdsPackets _packets = null!;
    int _proposed = 4096;
    bool _isLoggedIn;

    public void Drop() => socket.Dispose();

    public async Task RunAsync()
    {
        try
        {
            await using var network = new NetworkStream(socket, ownsSocket: true);
            _packets = Packets(network);
            await BeginAsync(network);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or AuthenticationException)
        {
            // The client or the script ended the connection.
        }
    }

    /// <summary>Drivers take the answers to pre-login and login in whole packets alone.</summary>
    TdsPackets Packets(Stream stream) => new(stream, () => _isLoggedIn && server.Options.PacketBytes is { } next ? next() : _proposed - 8)
    {
        Thawed = server.Thawed,
        FullBody = () => server.Options.PacketBytes is null ? _proposed - 8 : null,
    };

    async Task BeginAsync(NetworkStream network)
    {
        if (await _packets.ReadAsync(stop) is not { Type: TdsPackets.PreLogin } || await IsSilentAsync(TdsStep.PreLogin))
            return;
        // VERSION at 16 for 6 bytes, ENCRYPTION at 22 for one, MARS at 23 for one.
        byte encryption = server.Options.Tls || server.Options.OldTls ? (byte)1 : (byte)2;
        await _packets.WriteAsync(new byte[] { 0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 4, 0, 23, 0, 1, 0xFF, 16, 0, 0x10, 0, 0, 0, encryption, 0 }, ends: true, stop);
        if (server.Options.OldTls)
        {
            // A ServerHello of version 3.1; the client ends it there.
            await _packets.ReadAsync(stop);
            await _packets.WriteAsync((byte[])[0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, .. new byte[32], 0, 0, 0x2F, 0], ends: true, stop, TdsPackets.PreLogin);
            await _packets.ReadAsync(stop);
            return;
        }
        if (!server.Options.Tls)
        {
            await LogInAsync();
            return;
        }
        var handshake = new TdsHandshakeStream(network);
        await using var tls = new SslStream(handshake);
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = server.Certificate,
            // What wraps TLS into its own packets knows no messages after the handshake, as TLS 1.3 has them.
#pragma warning disable CA5398
            EnabledSslProtocols = SslProtocols.Tls12,
#pragma warning restore CA5398
        }, stop);
        handshake.IsPlain = true;
        _packets = Packets(tls);
        await LogInAsync();
    }

    async Task LogInAsync()
    {
        if (await _packets.ReadAsync(stop) is not { Type: TdsPackets.Login } message)
            return;
        var login = TdsRequestParser.ReadLogin(message.Bytes);
        server.CountLogin();
        if (await IsSilentAsync(TdsStep.Login))
            return;
        var tokens = new TdsTokens();
        if (server.Options.Refuse(login) is var (number, severity, words))
        {
            tokens.Message(isError: true, number, severity, words, "", 1);
            tokens.Done(0xFD, TdsDone.Error, 0, 0);
            await _packets.WriteAsync(tokens.Take(), ends: true, stop);
            return;
        }
        _proposed = login.PacketSize;
        var session = new TdsSession(server, login);
        tokens.Environment(1, session.Database, "master");
        tokens.Message(isError: false, 5701, 0, $"Changed database context to '{session.Database}'.", "", 1);
        tokens.Environment(7, TdsTypeInfo.Collation, []);
        tokens.Environment(2, "us_english", "");
        tokens.Environment(4, _proposed.ToString(CultureInfo.InvariantCulture), "4096");
        tokens.LoginAck();
        tokens.Done(0xFD, TdsDone.Final, 0, 0);
        await _packets.WriteAsync(tokens.Take(), ends: true, stop);
        _isLoggedIn = true;
        await ServeAsync(session);
    }

    /// <summary>Waits for the client's end where nothing more is to be said.</summary>
    async Task<bool> IsSilentAsync(TdsStep after)
    {
        if (server.Options.SilentAfter != after)
            return false;
        while (await _packets.ReadAsync(stop) is not null)
        {
        }
        return true;
    }

    async Task ServeAsync(TdsSession session)
    {
        TdsAnswer? answer = null;
        var running = Task.CompletedTask;
        try
        {
            while (await _packets.ReadAsync(stop) is var (type, status, bytes))
            {
                if (type == TdsPackets.Attention)
                {
                    server.CountAttention();
                    if (answer?.Attend() != true)
                    {
                        await running;
                        if (answer?.AcknowledgesAttention != false)
                            await new TdsAnswer(_packets, new(session, "", null, [], false), Drop, stop).AcknowledgeAsync();
                    }
                    continue;
                }
                await running;
                var resets = (status & (TdsPackets.Reset | TdsPackets.ResetButTransaction)) != 0;
                if (resets)
                    session.Reset();
                var request = type == TdsPackets.Procedure
                    ? TdsRequestParser.ReadProcedure(session, bytes, resets)
                    : TdsRequestParser.ReadBatch(session, bytes, resets);
                server.Keep(request);
                answer = new TdsAnswer(_packets, request, Drop, stop);
                running = AnswerAsync(request, answer);
            }
        }
        finally
        {
            answer?.EndConnection();
        }
        await running;
    }

    async Task AnswerAsync(TdsRequest request, TdsAnswer answer)
    {
        server.Begin();
        try
        {
            await Task.Yield();
            if (!TdsStandardAnswers.Give(request, answer, server.Options))
                await server.Script(request, answer);
            await answer.EndAsync();
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection ended, which the loop of requests sees too.
        }
        catch (Exception e)
        {
            server.Fail(e);
            Drop();
        }
        finally
        {
            server.End();
        }
    }
}
