using System.CommandLine;
using Halo.Cli;

// No response files: a parameter's value may well begin with @.
return await HaloCommandLine.Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }).InvokeAsync();
