#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "base/log.h"
#include "base/units.h"
#include "cli/command_line.h"
#include "cli/config_flags.h"
#include "cli/control.h"
#include "cli/lake_command.h"
#include "cli/maintain.h"
#include "cli/mount_command.h"
#include "cli/placement_command.h"
#include "cli/scrub_command.h"
#include "cli/serve.h"
#include "cli/version.h"
#include "cli/volume_command.h"
#include "config/settings.h"

namespace forebay::cli {
namespace {

constexpr const char* kVolumeFooter =
    "A volume is named by its UUID, the beginning of it, or its path. The commands work while a\n"
    "server has the data, which then does the work, and while none has.\n\n"
    "To replace a disk:    forebay volume drain /disk2 --wait && forebay volume remove /disk2,\n"
    "                      then take /disk2 out of `data`, or put an empty disk there.\n"
    "When a disk is gone:  forebay serve --allow-missing-volumes serves everything else;\n"
    "                      forebay volume remove UUID --force gives up what was on it.";
constexpr const char* kScrubFooter =
    "Exit status: 0 sound, 2 damage was found, 1 it did not work. What is damaged is named, and\n"
    "logged; reads of it fail with an error, and never return wrong bytes.";

// What the command line fills, and what runs then.
class Commands final : public CommandLine {
 public:
  explicit Commands(const Console& console) : console_(console) {
    app_.name("forebay");
    app_.set_version_flag("--version", std::string("forebay ") + Version());
    app_.require_subcommand(1);
    AddServe();
    lake_ = std::make_unique<LakeCommands>(*this);
    placement_ = std::make_unique<PlacementCommands>(*this);
    AddVolume();
    AddScrub();
    AddFsck();
    AddBackup();
    AddMount();
  }

  int Run(std::vector<std::string> arguments);
  std::string Pages();

 private:
  using Body = std::function<int(const config::Config&)>;

  CLI::App* Add(CLI::App& parent, const char* name, const char* help, Body body) {
    CLI::App* command = parent.add_subcommand(name, help);
    bodies_[command] = std::move(body);
    return command;
  }
  CLI::App& root() override { return app_; }
  const Console& console() const override { return console_; }
  CLI::App* AddControl(CLI::App& parent, const char* name, const char* help,
                       std::function<int(Control&)> body) override {
    CLI::App* command =
        Add(parent, name, help, [this, body = std::move(body)](const config::Config& config) {
          auto control = Control::Connect(config);
          return control ? body(**control) : console_.Refuse(control.error());
        });
    flags_.AddStore(*command);
    return command;
  }

  void AddServe();
  void AddVolume();
  void AddScrub();
  void AddFsck();
  void AddBackup();
  void AddMount();
  int Usage(const CLI::ParseError& error, const std::vector<std::string>& arguments);
  CLI::App* Chosen();

  const Console& console_;
  CLI::App app_{
      "Forebay: GPU-adjacent storage in front of an Azure Blob data lake.\n"
      "Speaks the Azure Blob REST API; AzCopy, the SDKs and other tools work unchanged.\n\n"
      "Try:  forebay serve\n"
      "then  export AZURE_STORAGE_CONNECTION_STRING=UseDevelopmentStorage=true\n"};
  std::map<const CLI::App*, Body> bodies_;
  ConfigFlags flags_;
  std::unique_ptr<LakeCommands> lake_;
  std::unique_ptr<PlacementCommands> placement_;
  bool json_ = false, wait_ = false, force_ = false;
  FsckCommand fsck_;
  MountCommand mount_;
  UnmountCommand unmount_;
  std::string volume_, rate_, to_, from_;
  std::vector<std::string> directories_;
};

void Commands::AddServe() {
  CLI::App* serve = Add(app_, "serve",
                        "Run the server.\nWithout configuration: 127.0.0.1:10000, account "
                        "devstoreaccount1, data in ./forebay-data.",
                        [this](const config::Config& config) {
                          return Serve(config, [this] { return flags_.Load(); });
                        });
  flags_.AddAll(*serve);
}

void Commands::AddVolume() {
  CLI::App* volume = app_.add_subcommand("volume", "Look after the data directories (volumes).");
  volume->require_subcommand(1);
  volume->footer(kVolumeFooter);
  CLI::App* list = AddControl(*volume, "list", "Show each one: its state, what it holds, its room.",
                              [this](Control& c) { return VolumeList(c, console_, json_); });
  list->add_flag("--json", json_, "As the server says it, for programs");
  CLI::App* drain = AddControl(
      *volume, "drain",
      "Move everything from one to the others, while reads and writes go on.\nNothing new is "
      "written to it. The work goes on when this command ends.",
      [this](Control& c) { return VolumeDrain(c, console_, volume_, wait_); });
  drain->add_flag("--wait", wait_, "Stay until it is empty, with progress on a terminal");
  CLI::App* activate =
      AddControl(*volume, "activate", "Take a drain back: the volume is written to again.",
                 [this](Control& c) { return VolumeActivate(c, console_, volume_); });
  CLI::App* remove =
      AddControl(*volume, "remove", "Forget a volume that was drained and is empty.",
                 [this](Control& c) { return VolumeRemove(c, console_, volume_, force_); });
  remove->add_flag("--force", force_,
                   "Give it up with all that it holds: those bytes are lost, reads of them answer "
                   "an error");
  for (CLI::App* command : {drain, activate, remove}) {
    command->add_option("volume", volume_, "UUID, the beginning of one, or path")
        ->required()
        ->type_name("VOLUME");
  }
}

void Commands::AddScrub() {
  CLI::App* scrub =
      app_.add_subcommand("scrub",
                          "Read and check everything that is stored.\nA server does so by itself "
                          "every storage.scrub_interval, at storage.scrub_rate.");
  scrub->require_subcommand(1);
  scrub->footer(kScrubFooter);
  CLI::App* status = AddControl(*scrub, "status", "Show how far it is, and what it found.",
                                [this](Control& c) { return ScrubStatus(c, console_, json_); });
  status->add_flag("--json", json_, "As the server says it, for programs");
  CLI::App* start = AddControl(
      *scrub, "start", "Start one now. Of a store that no server has open, stays to its end.",
      [this](Control& c) {
        std::optional<std::uint64_t> rate;
        if (!rate_.empty()) {
          auto bytes = ParseBytes(rate_);
          if (!bytes)
            return console_.Refuse({Code::kInvalidInput, "--rate: " + bytes.error().message()});
          rate = *bytes;
        }
        return ScrubStart(c, console_, rate, wait_);
      });
  start->add_flag("--wait", wait_, "Stay until it is over, with progress on a terminal");
  start->add_option("--rate", rate_, "Bytes a second instead of storage.scrub_rate; 0 for no limit")
      ->type_name("SIZE");
  AddControl(*scrub, "cancel", "Give the running one up; the next one begins anew.",
             [this](Control& c) { return ScrubCancel(c, console_); });
}

void Commands::AddFsck() {
  CLI::App* fsck =
      Add(app_, "fsck",
          "Check a store that no server has open.\nExit status: 0 sound, 2 problems "
          "found, 1 it could not be checked.",
          [this](const config::Config& config) { return Fsck(config, console_, fsck_); });
  fsck->add_flag("--verify", fsck_.verify_bytes, "Read every byte and check its checksum (slow)");
  fsck->add_flag("--repair", fsck_.repair,
                 "Free what nothing names, mend references; never invents bytes");
  flags_.AddStore(*fsck);
}

void Commands::AddBackup() {
  CLI::App* backup =
      Add(app_, "backup",
          "Copy a store into a folder, while its server runs or not.\n"
          "Into a folder with an earlier backup, only what is new is copied.",
          [this](const config::Config& config) { return BackupCommand(config, console_, to_); });
  backup->add_option("--to", to_, "Folder of the backup")->required()->type_name("DIR");
  flags_.AddStore(*backup);
  CLI::App* restore =
      Add(app_, "restore", "Make new data directories from a backup.",
          [this](const config::Config&) { return RestoreCommand(console_, from_, directories_); });
  restore->add_option("--from", from_, "Folder of the backup")->required()->type_name("DIR");
  restore
      ->add_option("--data", directories_,
                   "Data directory, empty or new; one for each in the backup")
      ->required()
      ->type_name("DIR");
}

void Commands::AddMount() {
  AddMountFlags(*Add(app_, "mount", MountHelp(),
                     [this](const config::Config&) { return Mount(mount_, console_); }),
                mount_);
  AddUnmountFlags(*Add(app_, "umount", "Take a mount away.",
                       [this](const config::Config&) { return Unmount(unmount_, console_); }),
                  unmount_);
}

// The innermost command that was named.
CLI::App* Commands::Chosen() {
  CLI::App* chosen = &app_;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  return chosen;
}

// The words of the library, but for what it takes for superfluous: there the nearest right one
// helps.
int Commands::Usage(const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int status = app_.exit(error, out, err);
  if (status == 0) {  // help or version
    console_.Print(out.str());
    return 0;
  }
  CLI::App* command = Chosen();
  std::vector<std::string> flags = {"--help"}, names;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (const CLI::App* sub : command->get_subcommands([](CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  std::string message = error.what();
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  std::size_t depth = 0;
  for (const CLI::App* at = command; at->get_parent() != nullptr; at = at->get_parent()) ++depth;
  for (std::size_t i = depth; i < arguments.size() && (extra || (missing && !names.empty())); ++i) {
    const std::string word = arguments[i].substr(0, arguments[i].find('='));
    if (word.starts_with("--") && std::ranges::find(flags, word) == flags.end()) {
      message = "There is no flag " + word + config::DidYouMean(word, flags);
      break;
    }
    if (!word.starts_with('-') && i == depth && !names.empty()) {
      message = "There is no command \"" + word + "\"" + config::DidYouMean(word, names);
      break;
    }
  }
  std::string path = command->get_name();
  for (const CLI::App* at = command->get_parent(); at != nullptr; at = at->get_parent()) {
    path.insert(0, at->get_name() + " ");
  }
  console_.Note("forebay: " + message + "\nSee: " + path + " --help");
  return kExitUsage;
}

int Commands::Run(std::vector<std::string> arguments) {
  try {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return Usage(error, arguments);
  }
  auto body = bodies_.find(Chosen());
  if (body->first->get_name() != "serve") {
    // A command says itself what it does; only the server's log tells everything.
    if (auto done =
            ConfigureLog({.level = LogLevel::kWarn, .format = LogFormat::kText, .file = ""});
        !done) {
      return console_.Refuse(done.error());
    }
  }
  // These have nothing to do with the configuration of a server.
  const std::string& name = body->first->get_name();
  const bool bare = name == "restore" || name == "mount" || name == "umount";
  auto config = bare ? Result<config::Config>() : flags_.Load();
  return config ? body->second(*config) : console_.Refuse(config.error());
}

// All keys are on a page of their own, so here they are not.
void HideKeys(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    const bool store = option->check_lname("config") || option->check_lname("data");
    if (option->get_group() == ConfigFlags::kGroup && !store) option->group("");
  }
}

std::string Commands::Pages() {
  std::string out;
  std::function<void(CLI::App&, const std::string&)> add = [&](CLI::App& command,
                                                               const std::string& parents) {
    const std::string path = parents + (parents.empty() ? "" : " ") + command.get_name();
    HideKeys(command);
    out += "\n## " + path + "\n\n```text\n" + command.help(parents) + "```\n";
    for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) add(*sub, path);
  };
  add(app_, "");
  return out;
}

}  // namespace

int RunApp(std::vector<std::string> arguments, const Console& console) {
  return Commands(console).Run(std::move(arguments));
}

std::string CommandPages() { return Commands(Console{}).Pages(); }

}  // namespace forebay::cli
