using System.CommandLine;
using Halo.Releases.Tool;

return await new RootCommand("halo-release: keys and bundles of Halo Link's releases, for the build machine. The root keys stay offline.") { KeyCommands.Root(), KeyCommands.Roots(), KeyCommands.Key(), BundleCommands.Bundle(), BundleCommands.Verify() }
    .Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }).InvokeAsync();
