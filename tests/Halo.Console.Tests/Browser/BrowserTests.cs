using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Halo.Contracts.Admin;
using Microsoft.Playwright;

namespace Halo.Console.Tests.Browser;

/// <summary>The console in a real browser.</summary>
public sealed class BrowserTests(ConsoleWorld world, Chromium chromium) : IClassFixture<ConsoleWorld>, IClassFixture<Chromium>
{
    static readonly (string Name, string Path, OperatorRole Role)[] Pages =
    [
        ("overview", "/console", OperatorRole.Viewer),
        ("overview-kind", "/console?kind=databaseFailing", OperatorRole.Viewer),
        ("sites", "/console/sites", OperatorRole.Viewer),
        ("sites-none", "/console/sites?search=nobody", OperatorRole.Viewer),
        ("sites-wrong", "/console/sites?availability=sometimes", OperatorRole.Viewer),
        ("site", "/console/sites/{siteId}", OperatorRole.Viewer),
        ("site-hostile", "/console/sites/{hostileSite}", OperatorRole.Viewer),
        ("site-unknown", "/console/sites/nothing", OperatorRole.Viewer),
        ("authority", "/console/sites/{copy}/authority", OperatorRole.Operator),
        ("remove", "/console/sites/{hostileSite}/remove", OperatorRole.Operator),
        ("links", "/console/links", OperatorRole.Viewer),
        ("link", "/console/links/{linkId}", OperatorRole.Viewer),
        ("link-hostile", "/console/links/{hostileLink}", OperatorRole.Viewer),
        ("revoke", "/console/links/{hostileLink}/revoke", OperatorRole.Operator),
        ("approve", "/console/links/{revoked}/approve", OperatorRole.Operator),
        ("integrators", "/console/integrators", OperatorRole.Viewer),
        ("integrator", "/console/integrators/{id}", OperatorRole.Viewer),
        ("integrator-change", "/console/integrators/{id}/change", OperatorRole.Operator),
        ("integrator-key", "/console/integrators/{id}/keys/primary", OperatorRole.Operator),
        ("integrator-new", "/console/integrators/new", OperatorRole.Operator),
        ("enrolment", "/console/enrolment", OperatorRole.Operator),
        ("operators", "/console/operators", OperatorRole.Owner),
        ("operator", "/console/operators/{operatorId}", OperatorRole.Owner),
        ("operator-new", "/console/operators/new", OperatorRole.Owner),
        ("audit", "/console/audit", OperatorRole.Viewer),
        ("profile", "/console/profile", OperatorRole.Viewer),
    ];

    /// <summary>The rules whose answer depends on the colours and the width; the others are asked once a page.</summary>
    const string VisualRules = "['color-contrast', 'link-in-text-block', 'scrollable-region-focusable', 'target-size']";

    [Theory]
    [InlineData(OperatorRole.Owner)]
    [InlineData(OperatorRole.Operator)]
    [InlineData(OperatorRole.Support)]
    [InlineData(OperatorRole.Viewer)]
    public async Task Every_page_is_accessible_fits_and_runs_nothing_that_a_practice_wrote(OperatorRole role)
    {
        await using var context = await chromium.OpenAsync(world.Host.Address);
        var page = await context.NewPageAsync();
        await page.SetViewportSizeAsync(1440, 900);
        var faults = new List<string>();
        var at = "";
        page.Dialog += (_, dialog) => { faults.Add($"{at}: a dialog said {dialog.Message}"); _ = dialog.DismissAsync(); };
        page.PageError += (_, error) => faults.Add($"{at}: {error}");
        page.Console += (_, message) => { if (message.Type == "error" && !message.Text.Contains("404", StringComparison.Ordinal)) faults.Add($"{at}: {message.Text}"); };
        at = "sign-in";
        await page.GotoAsync("/console");
        await LookAsync();
        await SignInAsync(page, role);
        foreach (var (name, path, needed) in Pages.Where(p => p.Role <= role))
        {
            at = name;
            await page.GotoAsync(world.Fill(path));
            await LookAsync();
        }
        if (role >= OperatorRole.Operator)
        {
            at = "enrolment-made";
            await page.GotoAsync("/console/enrolment");
            await page.GetByLabel("Software of the practice").FillAsync("Zedmed");
            await page.GetByLabel("Its id there").FillAsync("4711");
            await page.GetByRole(AriaRole.Button, new() { Name = "Make the token" }).ClickAsync();
            await page.GetByText("shown this once").WaitForAsync();
            await LookAsync();
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults));

        async Task LookAsync()
        {
            if (await page.EvaluateAsync<int>("document.querySelectorAll('main script, main img, main b b').length") > 0)
                faults.Add($"{at}: a practice's name became markup.");
            // Owners see all there is; of what others see, what is left out can leave a page faulty too.
            if (role == OperatorRole.Owner || role == OperatorRole.Viewer && at is ("overview" or "site" or "link" or "integrator"))
            {
                var axe = await page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });
                faults.AddRange(axe.Violations.Select(v => $"{at}: {v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}"));
            }
            foreach (var (scheme, width) in new[] { (ColorScheme.Dark, 360), (ColorScheme.Light, 1440) })
            {
                await page.SetViewportSizeAsync(width, 900);
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") > width)
                    faults.Add($"{at}: is wider than {width} pixels.");
                if (role == OperatorRole.Owner && scheme == ColorScheme.Dark)
                {
                    var found = await page.EvaluateAsync<string[]>($"async () => (await axe.run({{ runOnly: {VisualRules} }})).violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))");
                    faults.AddRange(found.Select(f => $"{at} {scheme} {width}: {f}"));
                }
                if (Environment.GetEnvironmentVariable("HALO_CONSOLE_SCREENSHOTS") is { } folder && role is OperatorRole.Owner)
                    await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{at}-{scheme}-{width}.png"), FullPage = width < 1000 });
            }
        }
    }

    [Fact]
    public async Task An_operator_signs_in_searches_and_signs_out_by_the_keyboard()
    {
        await using var context = await chromium.OpenAsync(world.Host.Address);
        var page = await context.NewPageAsync();
        await page.GotoAsync("/console/sites");
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Skip to content" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync("haloop_wrong");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This key is wrong");
        await page.GetByLabel("Key").FocusAsync();
        await page.Keyboard.TypeAsync(world.KeyOf(OperatorRole.Viewer));
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Uri(world.Host.Address, "/console/sites").ToString());
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(11);
        await page.GetByRole(AriaRole.Searchbox).FocusAsync();
        await page.Keyboard.TypeAsync("harb");
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Assertions.Expect(page).ToHaveURLAsync(new Uri(world.Host.Address, "/console/sites?search=harb").ToString());
        await page.ReloadAsync();
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page).ToHaveURLAsync(new Uri(world.Host.Address, "/console/sign-in").ToString());
    }

    [Fact]
    public async Task It_works_without_scripts_and_shows_times_in_UTC_then_and_in_the_viewers_zone_with_them()
    {
        await using var plain = await chromium.OpenAsync(world.Host.Address, new() { JavaScriptEnabled = false });
        var page = await plain.NewPageAsync();
        await SignInAsync(page, OperatorRole.Viewer);
        await page.GotoAsync("/console/sites");
        await page.GetByRole(AriaRole.Searchbox).FillAsync("dental");
        await page.GetByRole(AriaRole.Button, new() { Name = "Filter" }).ClickAsync();
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2);
        await page.GotoAsync("/console/audit");
        var time = page.Locator("tbody time").First;
        Assert.EndsWith("UTC", await time.InnerTextAsync(), StringComparison.Ordinal);
        var moment = DateTimeOffset.Parse((await time.GetAttributeAsync("datetime"))!, System.Globalization.CultureInfo.InvariantCulture);

        await using var context = await chromium.OpenAsync(world.Host.Address);
        var scripted = await context.NewPageAsync();
        await SignInAsync(scripted, OperatorRole.Viewer);
        await scripted.GotoAsync("/console/audit");
        var there = TimeZoneInfo.ConvertTime(moment, TimeZoneInfo.FindSystemTimeZoneById("Australia/Melbourne"));
        Assert.DoesNotContain("UTC", await scripted.Locator("tbody time").Last.InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains(there.ToString("yyyy", System.Globalization.CultureInfo.InvariantCulture), await scripted.Locator("tbody time").First.InnerTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_databases_words_stay_with_the_integrator()
    {
        await using var context = await chromium.OpenAsync(world.Host.Address);
        var page = await context.NewPageAsync();
        await SignInAsync(page, OperatorRole.Owner);
        foreach (var path in (string[])["/console/sites/{siteId}", "/console/integrators/{id}"])
        {
            await page.GotoAsync(world.Fill(path));
            var text = await page.ContentAsync();
            Assert.Contains("its words are for the integrator alone", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Smith", text, StringComparison.Ordinal);
            Assert.DoesNotContain("SELECT", text, StringComparison.Ordinal);
        }
    }

    async Task SignInAsync(IPage page, OperatorRole role)
    {
        await page.GotoAsync("/console/sign-in");
        await page.GetByLabel("Key").FillAsync(world.KeyOf(role));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page).ToHaveURLAsync(new Uri(world.Host.Address, "/console").ToString());
    }
}
