using Halo.Line.Logging;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Status;
using Halo.Link.Transport;

namespace Halo.Link;

/// <summary><c>halo-link uninstall</c>: ends the running Link and makes sure that the API knows that it is gone.</summary>
static class LinkUninstall
{
    const int NotTold = 4;
    static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(10);
    static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>Returns the exit code, and says on the console what became of it.</summary>
    public static async Task<int> RunAsync(LinkSettings settings, TimeProvider time, CancellationToken stop)
    {
        if (await StatusServer.AskToUninstallAsync(settings.DataDirectory, stop) is not null)
            Console.WriteLine("The running Halo Link ends.");
        using var directory = await TakeAsync(settings.DataDirectory, time, stop);
        if (directory.Read("identity.json", LinkFilesJson.Default.LinkIdentity) is not { } identity)
        {
            Console.WriteLine("This Halo Link was never started, so the API knows nothing of it.");
            return 0;
        }
        using var key = LinkKey.Load(directory);
        var certificates = new CertificateCheck(time);
        using var handler = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy, certificates);
        using var http = LinkHttpClient.CreateClient(settings.Api, handler);
        var api = new LinkHttpClient(http, time);
        using var tokens = new AccessTokens(api, settings.ApiAddress, identity.LinkId, key, LinkProcess.NewRandom(), time);
        try
        {
            // The end of the session has said so already, where there was one. Nobody answers that, so it is said again.
            await api.UninstallAsync(await tokens.GetAsync(stop), stop);
            Console.WriteLine($"{settings.ApiAddress} knows that this Halo Link is uninstalled. Its id and key stay in {settings.DataDirectory}.");
            return 0;
        }
        catch (ApiRefusedException e) when (AccessTokens.IsRefusal(e))
        {
            Console.WriteLine($"{settings.ApiAddress} does not know this Halo Link, or no longer: {VisibleText.Of(e.Message)}");
            return 0;
        }
        catch (Exception e) when (e is HttpRequestException or ApiRefusedException)
        {
            var why = e is ApiRefusedException ? e.Message : new ConnectionProblem(settings.Api, settings.Proxy, certificates).Explain(e).Message;
            await Console.Error.WriteLineAsync($"{settings.ApiAddress} could not be told: {VisibleText.Of(why)} Its operator sees the sites as away. Try again, or tell the operator.");
            return NotTold;
        }
    }

    /// <summary>The data directory, once the running Link has let go of it.</summary>
    static async Task<DataDirectory> TakeAsync(string path, TimeProvider time, CancellationToken stop)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            try
            {
                return DataDirectory.Open(path);
            }
            catch (SettingsException) when (time.GetElapsedTime(since) < LongestEnd)
            {
                await Task.Delay(LookAgain, time, stop);
            }
        }
    }
}
