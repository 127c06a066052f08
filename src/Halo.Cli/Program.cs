using System.CommandLine;
using Halo.Cli;
using Halo.Cli.Commands;

// No response files: a parameter's value may well begin with @.
var parsed = HaloCommandLine.Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

// After Ctrl+C a write is asked to be stopped at the practice, which takes two seconds at most, and its key is told. In the shell Ctrl+C is its statement's.
var ending = new InvocationConfiguration { ProcessTerminationTimeout = parsed.CommandResult.Command.Name == ShellCommand.Name ? null : TimeSpan.FromSeconds(5) };
return await parsed.InvokeAsync(ending);
