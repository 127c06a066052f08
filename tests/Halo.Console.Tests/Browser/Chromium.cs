using Halo.Testing;
using Microsoft.Playwright;

namespace Halo.Console.Tests.Browser;

/// <summary>Debian's Chromium, driven by Playwright. Where there is none, tests that need it are skipped and say how to get it.</summary>
public sealed class Chromium : IAsyncLifetime
{
    static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    IPlaywright? _playwright;
    IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if ((Environment.GetEnvironmentVariable("HALO_TEST_CHROMIUM") ?? Places.FirstOrDefault(File.Exists)) is not { } path)
            return;
        // Long enough for a loaded machine: it is reached by failing tests alone.
        Assertions.SetDefaultExpectTimeout((float)Eventually.Limit.TotalMilliseconds);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = path,
            // It asks for nothing outside, and runs as root in a container too.
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    /// <summary>A browser without a history.</summary>
    public async Task<IBrowserContext> OpenAsync(Uri address, BrowserNewContextOptions? options = null)
    {
        Assert.SkipWhen(_browser is null, "There is no Chromium. To get it: as root, apt-get install chromium; or name one in HALO_TEST_CHROMIUM.");
        return await _browser!.NewContextAsync(new(options ?? new()) { BaseURL = address.ToString(), Locale = "en-GB", TimezoneId = "Australia/Melbourne", ReducedMotion = ReducedMotion.Reduce });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
